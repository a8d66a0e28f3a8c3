export type EmbeddedStep =
  | 'waiting' // another process is starting the same cluster
  | 'moved' // root only: the cluster or the binaries live elsewhere, where an unprivileged account can reach them
  | 'cleaned' // something a crash left was removed
  | 'initializing'
  | 'initialized'
  | 'starting'
  | 'portChanged'
  | 'recovering'
  | 'ready'
  | 'stopping'
  | 'forced' // fast shutdown did not end it in time
  | 'stopped'

/** One thing that happened, with one English sentence for the operator. Never holds the password. */
export interface EmbeddedEvent {
  readonly step: EmbeddedStep
  readonly text: string
}

export type OnEvent = (event: EmbeddedEvent) => void
