export type Finding = {
  check: string
  state: 'ok' | 'warning' | 'problem' | 'skipped'
  says: string
  /** What an operator does about it. */
  todo?: string
}

export const finding =
  (state: Finding['state']) =>
  (check: string, says: string, todo?: string): Finding => ({
    check,
    state,
    says,
    ...(todo !== undefined && { todo }),
  })

export const ok = finding('ok')
export const warning = finding('warning')
export const problem = finding('problem')
export const skipped = finding('skipped')

export const IN_TIME_MS = 5_000
