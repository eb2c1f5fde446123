/** The same in every process of a machine, so that none waits for another's messages to be measured. */
export const machineMs = (): number => Number(process.hrtime.bigint()) / 1e6
