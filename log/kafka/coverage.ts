import kafkajs, { type Admin } from 'kafkajs'

/**
 * The partitions of these topics that no member of a settled group reads; null: the group is not settled. kafkajs's leader
 * assigns what its metadata holds at that moment, and just after brokers came back that may lack topics; a member looks for
 * new partitions only of topics of which it has some, so that nobody would ever notice.
 */
export async function unreadPartitions(
  admin: Admin,
  groupId: string,
  topics: readonly string[],
): Promise<string[] | null> {
  const { groups } = await admin.describeGroups([groupId])
  const [group] = groups
  if (group?.state !== 'Stable') return null
  const read = new Set<string>()
  for (const { memberAssignment } of group.members) {
    const decoded = kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment)
    for (const [topic, partitions] of Object.entries(decoded?.assignment ?? {})) {
      for (const partition of partitions) read.add(`${topic}-${partition}`)
    }
  }
  const metadata = await admin.fetchTopicMetadata({ topics: [...topics] })
  return metadata.topics
    .flatMap(({ name, partitions }) => partitions.map(({ partitionId }) => `${name}-${partitionId}`))
    .filter((name) => !read.has(name))
}
