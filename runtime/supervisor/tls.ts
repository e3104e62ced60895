import { readCertificate } from '../../common/certificate.ts'
import type { Config } from '../config/config.ts'
import { certificateFiles } from '../config/tls-variables.ts'

/** Call before anything is created or started. @throws GatepostError CONFIG_INVALID: the certificate cannot be used */
export function assertCertificate(config: Config): void {
  const files = certificateFiles(config)
  if (files !== null) readCertificate(files)
}
