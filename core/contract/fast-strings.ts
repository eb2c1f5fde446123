/**
 * To be imported first. Where a class extends `String` (ioredis has one, of which nobody here ever makes an object), V8
 * moves the methods of all texts into a dictionary, as it does with every object that becomes a prototype; and there
 * they stay, since only reading through an object would bring them back, and texts are none. Compiled code then looks up
 * each `indexOf` and `slice` anew: that was 7 % of a request (docs/performance.md). Once read through an object, they
 * are no longer moved, whoever extends `String` later.
 */
const indexOf = (text: string): unknown => text.indexOf

/** What V8 needs to begin to remember what a function reads. */
const ENOUGH_CALLS = 100

for (let call = 0; call < ENOUGH_CALLS; call++) indexOf(Object(''))
