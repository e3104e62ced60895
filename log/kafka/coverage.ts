import type { KafkaAdmin } from './client/port.ts'
import { partitionName } from './topic-names.ts'

/**
 * The partitions of these topics that no member of a settled group reads; null: the group is not settled. The group's leader
 * assigns what its metadata holds at that moment, and just after brokers came back that may lack topics; a member looks for
 * new partitions only of topics of which it has some, so that nobody would ever notice.
 */
export async function unreadPartitions(
  admin: KafkaAdmin,
  groupId: string,
  topics: readonly string[],
): Promise<string[] | null> {
  const read = await admin.assignments(groupId)
  if (read === null) return null
  const unread: string[] = []
  for (const topic of topics) {
    const partitions = await admin.partitions(topic)
    const missing = partitions.filter((partition) => !read.get(topic)?.has(partition))
    unread.push(...missing.map((partition) => partitionName(topic, partition)))
  }
  return unread
}
