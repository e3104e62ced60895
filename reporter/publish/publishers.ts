import { FilePublisher, StdoutPublisher } from './local.ts'
import { MetricsApi } from './metrics-api.ts'
import { OpenSearch } from './opensearch.ts'
import { PerformancePlatform } from './performance-platform.ts'
import type { Publisher, PublisherName } from './publisher.ts'
import { S3 } from './s3.ts'

/** Options of the publishers; the rules of the configuration ensure that they are complete. */
export interface PublisherOptions {
  readonly publish: readonly PublisherName[]
  readonly publishDir: string | undefined
  readonly performanceUrl: string | undefined
  readonly performanceDataset: string | undefined
  readonly performanceBearers: Readonly<Record<string, string>>
  readonly metricsApiUrl: string | undefined
  readonly metricsApiToken: string | undefined
  readonly s3Url: string | undefined
  readonly s3Bucket: string | undefined
  readonly s3Region: string
  readonly s3AccessKeyId: string | undefined
  readonly s3SecretAccessKey: string | undefined
  readonly opensearchUrl: string | undefined
}

/** The configured publishers, in the configured order. */
export function publishersOf(options: PublisherOptions, print: (line: string) => void): Publisher[] {
  return options.publish.map((name) => publisherOf(name, options, print))
}

function publisherOf(name: PublisherName, options: PublisherOptions, print: (line: string) => void): Publisher {
  switch (name) {
    case 'performance-platform':
      return new PerformancePlatform({
        url: options.performanceUrl as string,
        dataset: options.performanceDataset as string,
        bearers: options.performanceBearers,
      })
    case 'metrics-api':
      return new MetricsApi({ url: options.metricsApiUrl as string, token: options.metricsApiToken as string })
    case 's3':
      return new S3({
        url: options.s3Url as string,
        bucket: options.s3Bucket as string,
        region: options.s3Region,
        accessKeyId: options.s3AccessKeyId,
        secretAccessKey: options.s3SecretAccessKey,
      })
    case 'opensearch':
      return new OpenSearch(options.opensearchUrl as string)
    case 'file':
      return new FilePublisher(options.publishDir as string)
    case 'stdout':
      return new StdoutPublisher(print)
  }
}
