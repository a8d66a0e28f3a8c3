import { z } from 'zod'

/** Header fields carry it: visible ASCII. */
const token = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\x21-\x7e]+$/)

/** What the agreement with the registry's keeper (C06, NĐ 69/2024) gave the deployment; a secret file, or a secret of Workers. */
export const agreementSchema = z.strictObject({
  user: token.regex(/^[^:]*$/), // Basic parts it from the hash by a colon
  secret: z.string().min(1).max(200),
  apiKey: token,
  /** `X-Road-Client`: instance/class/member/subsystem. */
  xRoadClient: token,
  /** MaDVC. */
  serviceCode: z.string().min(1).max(50),
  /** MaTichHop of `XacThucThongTinCongDan`; 003 was seen (domain §8). */
  integrationCode: z.string().min(1).max(50).default('003'),
  /** MaDonVi, TaiKhoan, SoDienThoai: some sites ask for them. */
  unit: z.string().min(1).max(50).optional(),
  account: z.string().min(1).max(50).optional(),
  phone: z.string().min(1).max(20).optional(),
  /** Of `Timestamp`: both were seen. */
  timestampUnit: z.enum(['ms', 's']).default('ms'),
})

export type Agreement = z.infer<typeof agreementSchema>
