import type { AccessEntry, AccessLog } from './log.ts'

/** How a person is named: a user by their account, or a device by its MAC in the normal form. */
export type PersonKind = 'user' | 'mac'

/** Of every field: one that is added does not compile until it is said whom it names. */
type PersonIn<Data extends object> = { readonly [Field in keyof Data]: PersonKind | null }

/** What has to be said of a kind of subject. `Name` is what tells its subjects apart, `Data` is what its entries hold in `data`. */
interface Description<Data extends object> {
  /** Every subject of the kind begins with it. */
  readonly prefix: string
  /** Whom the subject itself names; null: nobody. Such a kind's name is the account or the MAC, and nothing else. */
  readonly person: PersonKind | null
  /** Whom each field of `data` names; null: nobody. Forgetting a person goes by this and by `person`. */
  readonly personIn: PersonIn<Data>
  /** What `data` becomes when the person in it is forgotten; unset: the whole entry is removed. */
  readonly erased?: Data
}

interface NameCodec<Name> {
  /** The name as the text behind the prefix. */
  readonly write: (name: Name) => string
  /** The name in a text behind the prefix; null: a subject with this text is of another kind. */
  readonly read: (text: string) => Name | null
}

/** A name that is a text needs no codec: it stands behind the prefix as it is. */
export type KindOptions<Name, Data extends object> = Description<Data> &
  ([Name] extends [string] ? Partial<NameCodec<Name>> : NameCodec<Name>)

/** One kind of subject of the access-control log: makes its subjects, reads them, and knows their data. */
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

  /** Null: the subject is of another kind. */
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
