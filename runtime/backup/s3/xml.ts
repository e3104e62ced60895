/* The few answers of S3 that are read: flat lists of texts. */

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function textsOf(xml: string, element: string): string[] {
  const found = xml.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, 'g'))
  return [...found].map(([, text]) => decoded(text))
}

function decoded(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name: string) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
    if (hex !== undefined) return String.fromCodePoint(parseInt(hex as string, 16))
    return ENTITIES[name] ?? whole
  })
}

/** Of ListObjectsV2. */
export function keysOf(xml: string): string[] {
  return textsOf(xml, 'Key')
}

export function prefixesOf(xml: string): string[] {
  const common = [...xml.matchAll(/<CommonPrefixes>([^]*?)<\/CommonPrefixes>/g)]
  return common.flatMap(([, inner]) => textsOf(inner, 'Prefix'))
}

/** Null: this was the last page. */
export function nextPageOf(xml: string): string | null {
  return textsOf(xml, 'NextContinuationToken').at(0) ?? null
}

/** Of CreateMultipartUpload. @throws Error: it is no such answer */
export function uploadIdOf(xml: string): string {
  const [id] = textsOf(xml, 'UploadId')
  if (id === undefined) throw new Error(`no answer of S3: ${xml.slice(0, 200)}`)
  return id
}

/** The body of CompleteMultipartUpload. */
export function completion(tags: readonly string[]): string {
  const parts = tags.map(
    (tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${tag.replaceAll('"', '&quot;')}</ETag></Part>`,
  )
  return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`
}
