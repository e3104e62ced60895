import type { AccessEntry, AccessLog } from './log.ts'

/** How a person is identified: a user by account name, a device by its MAC in the normal form. */
export type PersonKind = 'user' | 'mac'

/** One entry per field: adding a field does not compile until it is declared whom it names. */
type PersonIn<Data extends object> = { readonly [Field in keyof Data]-?: PersonKind | null }

/** Describes a kind of subject. `Name` distinguishes its subjects, `Data` is what its entries hold in `data`. */
interface Description<Data extends object> {
  /** Prefix of every subject of this kind. */
  readonly prefix: string
  /** Whom the subject itself names; null: nobody. If set, the subject's name is exactly the account or the MAC. */
  readonly person: PersonKind | null
  /** Whom each field of `data` names; null: nobody. `gatepost forget` relies on this and on `person`. */
  readonly personIn: PersonIn<Data>
  /** What `data` is replaced with when the person in it is forgotten; unset: the whole entry is removed. */
  readonly erased?: Data
}

interface NameCodec<Name> {
  /** The name as text after the prefix. */
  readonly write: (name: Name) => string
  /** Parses the text after the prefix; null: the subject belongs to another kind. */
  readonly read: (text: string) => Name | null
}

/** A name that is a string needs no codec: it follows the prefix unchanged. */
export type KindOptions<Name, Data extends object> = Description<Data> &
  ([Name] extends [string] ? Partial<NameCodec<Name>> : NameCodec<Name>)

/** One kind of subject in the access log: builds and parses its subjects, and types their data. */
export class SubjectKind<Name, Data extends object> {
  readonly prefix: string
  readonly person: PersonKind | null
  readonly personIn: PersonIn<Data>
  readonly erased: Data | null
  readonly #write: (name: Name) => string
  readonly #read: (text: string) => Name | null

  constructor(options: KindOptions<Name, Data>) {
    const { prefix, person, personIn, erased } = options
    const { write, read }: Partial<NameCodec<Name>> = options
    this.prefix = prefix
    this.person = person
    this.personIn = personIn
    this.erased = erased ?? null
    this.#write = write ?? String
    this.#read = read ?? ((text) => text as Name)
  }

  /** The subject with this name. */
  of(name: Name): string {
    return this.prefix + this.#write(name)
  }

  /** @returns null if the subject belongs to another kind */
  nameOf(subject: string): Name | null {
    return subject.startsWith(this.prefix) ? this.#read(subject.slice(this.prefix.length)) : null
  }

  /** What an entry of this kind holds. */
  dataOf(entry: AccessEntry | undefined): Data | undefined {
    return entry?.data as Data | undefined
  }

  /** Names of this kind that have an entry in force at `now`. */
  *entries(access: AccessLog, now: number): Generator<readonly [Name, AccessEntry]> {
    for (const [subject, entry] of access.entries(this.prefix, now)) {
      const name = this.nameOf(subject)
      if (name !== null) yield [name, entry]
    }
  }
}
