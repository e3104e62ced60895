import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { jsonFileText, readJsonFile } from '../../common/json-file.ts'
import {
  DEFAULT_USER_NAME_RULE,
  FIRST_USER_NAME_RULE,
  USER_NAME_RULES,
  type UserNameRule,
} from '../../common/user-name.ts'
import type { Config } from '../config/config.ts'
import { otherRule, type UserNamesOption } from '../ingest-process/user-names.ts'

/*
 * <data directory>/user-names.json holds the rule of an instance, since its ingest workers start before the store. The tables have the last
 * word: see store/user-names.ts. A directory without this file that was used before is one of 0.1.0.
 */

const FILE = 'user-names.json'
const schema = z.object({ rule: z.enum(USER_NAME_RULES) })

/** The option of a process without a directory. */
export function optionOf({ userNames }: Pick<Config, 'userNames'>): UserNamesOption {
  return { rule: userNames ?? DEFAULT_USER_NAME_RULE, chosen: userNames !== undefined }
}

/**
 * The rule of an instance, which its directory then keeps.
 * @param isUsed whether an instance has used the directory before
 * @throws GatepostError CONFIG_INVALID: the option differs from what the directory keeps
 */
export function userNamesOf(
  config: Pick<Config, 'userNames' | 'clickhouseUrl'>,
  path: string,
  isUsed: boolean,
): UserNamesOption {
  const option = optionOf(config)
  const kept = readJsonFile(join(path, FILE), schema)?.rule ?? (isUsed ? FIRST_USER_NAME_RULE : null)
  // With a server, the directory has no tables, so it may be one that another installation has used.
  if (option.chosen && kept !== null && kept !== option.rule && config.clickhouseUrl === undefined && hasTables(path))
    throw otherRule(option.rule, kept)
  const rule = option.chosen || kept === null ? option.rule : kept
  keep(path, rule)
  return { rule, chosen: option.chosen }
}

function hasTables(path: string): boolean {
  return existsSync(join(path, 'store'))
}

function keep(path: string, rule: UserNameRule): void {
  const file = join(path, FILE)
  writeFileSync(`${file}.new`, jsonFileText({ rule }))
  renameSync(`${file}.new`, file)
}
