import t from 'tap'
import { HashQueue, PasswordsBusy, type Lane } from '../hash-queue.ts'

/** Enters many, and says in which order they were served. */
class Crowd {
  readonly queue = new HashQueue()
  readonly served: string[] = []
  readonly refused: string[] = []
  readonly #running: (() => void)[] = []

  enter(lane: Lane, origin: string, count = 1): void {
    for (let each = 0; each < count; each++)
      this.queue.enter(lane, origin).then(
        (done) => {
          this.served.push(origin)
          this.#running.push(done)
        },
        (error: unknown) => {
          if (!(error instanceof PasswordsBusy)) throw error
          this.refused.push(origin)
        },
      )
  }

  get running(): number {
    return this.#running.length
  }

  /** Ends the running hashes, one after the other, until nobody waits. */
  async finish(): Promise<string[]> {
    await settle()
    while (this.#running.length > 0) {
      this.#running.shift()?.()
      await settle()
    }
    return this.served
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve()
}

t.test('a login does not wait for the guesses and sign-ups of others', async (t) => {
  const crowd = new Crowd()
  for (let stranger = 0; stranger < 20; stranger++) {
    crowd.enter('suspect', `guesser ${stranger}`, 10)
    crowd.enter('signup', `new ${stranger}`, 10)
  }
  await settle()
  t.equal(crowd.running, 1, 'they share one thread')
  crowd.enter('unknown', 'owner')
  await settle()
  t.same(crowd.served.slice(1), ['owner'])
})

t.test('origins take turns, and none has more than a few waiting', async (t) => {
  const crowd = new Crowd()
  crowd.enter('unknown', 'flood', 100)
  crowd.enter('unknown', 'owner')
  const served = await crowd.finish()
  t.equal(crowd.refused.length, 94, 'two ran, four waited')
  t.ok(served.indexOf('owner') <= 3, served.join())
})

t.test('a full lane makes room for an origin with nothing in it', async (t) => {
  const crowd = new Crowd()
  for (let origin = 0; origin < 20; origin++) crowd.enter('unknown', `flood ${origin}`, 4)
  await settle()
  const before = crowd.refused.length
  crowd.enter('unknown', 'owner')
  await settle()
  t.equal(crowd.refused.length, before + 1)
  t.notOk(crowd.refused.includes('owner'))
  t.ok((await crowd.finish()).includes('owner'))
})

t.test('known origins go before unknown ones', async (t) => {
  const crowd = new Crowd()
  for (let origin = 0; origin < 40; origin++) crowd.enter('unknown', `stranger ${origin}`)
  crowd.enter('known', 'owner')
  const served = await crowd.finish()
  t.ok(served.indexOf('owner') <= 2, served.join())
})
