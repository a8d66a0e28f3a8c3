import cluster from 'node:cluster'
import { AggregatorRegistry, type Registry } from 'prom-client'

/** In a process of the crew: the first process asks for this registry's figures. */
export function answerCrew(registry: Registry): void {
  if (!cluster.isWorker) return
  AggregatorRegistry.setRegistries([registry])
  new AggregatorRegistry()
}

/** In the first process: all of the crew together, counters added up. */
export function crewFigures(): () => Promise<string> {
  const crew = new AggregatorRegistry()
  return () => crew.clusterMetrics()
}
