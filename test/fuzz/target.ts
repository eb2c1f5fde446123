import type fc from 'fast-check'

/**
 * One fuzzer: what it sends, and the oracle that it is held against. Inputs are plain JSON, so that a case once found
 * stays in `corpus/` and is checked again in every run.
 */
export type FuzzTarget<Input = unknown> = {
  name: string
  inputs: fc.Arbitrary<Input>
  /** @throws Error where the oracle disagrees */
  check(input: Input): void | Promise<void>
  /** Ends what checks have started. */
  close?(): Promise<void>
}

/** Forgets the input's type; the corpus is written by the target that reads it. */
export function fuzzTarget<Input>(target: FuzzTarget<Input>): FuzzTarget {
  return {
    name: target.name,
    inputs: target.inputs,
    check: (input) => target.check(input as Input),
    close: async () => target.close?.(),
  }
}

export function must(holds: boolean, complaint: string): asserts holds {
  if (!holds) throw new Error(complaint)
}
