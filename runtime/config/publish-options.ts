import type { PublisherOptions } from '../../reporter/publish/publishers.ts'
import type { Config } from './config.ts'

/** The publishers' options. */
export function publisherOptions(config: Config): PublisherOptions {
  return {
    publish: config.publish ?? [],
    publishDir: config.publishDir,
    performanceUrl: config.performanceUrl,
    performanceDataset: config.performanceDataset,
    performanceBearers: config.performanceBearers,
    metricsApiUrl: config.metricsApiUrl,
    metricsApiToken: config.metricsApiToken,
    s3Url: config.s3Url,
    s3Bucket: config.s3Bucket,
    s3Region: config.s3Region,
    s3AccessKeyId: config.s3AccessKeyId,
    s3SecretAccessKey: config.s3SecretAccessKey,
    opensearchUrl: config.opensearchUrl,
  }
}
