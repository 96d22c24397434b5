/** What a check throws when something does not hold. */
import { messageOf, WebEncodeError } from '../../errors.ts'

/** @throws with the sentence when the condition does not hold */
export function must(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new Error(sentence)
}

/** @throws when the work does not fail with the code */
export async function mustFail(work: Promise<unknown>, code: string, what: string): Promise<void> {
  const failure = await work.then(() => undefined, (thrown: unknown) => thrown)
  const found = failure instanceof WebEncodeError
    ? failure.code
    : failure === undefined
    ? 'no failure'
    : messageOf(failure)
  must(found === code, `${what} must fail with ${code}, found ${found}`)
}
