// What the program ends with. The numbers are documented in README.md.

export const exitCodes = {
  /** Done, or closed as asked. */
  closed: 0,
  /** Could not start, failed, or found something wrong. */
  failed: 1,
  /** The command line or a variable is wrong. */
  misconfigured: 2,
  /** A second signal cut the closing short. */
  SIGINT: 130,
  SIGTERM: 143
} as const
