/** @param {number} value a rate or a count, to three digits */
export function short(value) {
  if (value >= 10_000) return `${(value / 1_000).toFixed(value >= 100_000 ? 0 : 1)}k`
  if (value >= 100 || Number.isInteger(value)) return value.toFixed(0)
  return value.toFixed(value >= 10 ? 1 : 2)
}

/** @param {number} ms */
export const milliseconds = (ms) => (ms >= 1_000 ? `${(ms / 1_000).toFixed(2)} s` : `${short(ms)} ms`)
