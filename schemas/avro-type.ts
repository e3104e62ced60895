/** A type in an Avro schema, as far as records use them. */
export type AvroType =
  | string
  | readonly AvroType[]
  | { readonly type: string; readonly logicalType?: string; readonly size?: number; readonly values?: AvroType }

export function isUnion(type: AvroType): type is readonly AvroType[] {
  return Array.isArray(type)
}
