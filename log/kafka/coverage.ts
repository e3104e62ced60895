import type { KafkaAdmin } from './client/port.ts'
import { partitionName } from './topic-names.ts'

/**
 * The partitions of these topics that no member of the group reads; null: a rebalance is going on. The group's leader assigns the partitions
 * that its metadata contains at that moment, and just after an outage topics may be missing there. A member looks for new partitions only of
 * topics that it already reads, so without this check nobody would ever notice.
 */
export async function unassignedPartitions(
  admin: KafkaAdmin,
  groupId: string,
  topics: readonly string[],
): Promise<string[] | null> {
  const read = await admin.assignments(groupId)
  if (read === null) return null
  const unassigned: string[] = []
  for (const topic of topics) {
    const partitions = await admin.partitions(topic)
    const missing = partitions.filter((partition) => !read.get(topic)?.has(partition))
    unassigned.push(...missing.map((partition) => partitionName(topic, partition)))
  }
  return unassigned
}
