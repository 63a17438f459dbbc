// Ids of the loop's commands to the router: the same command always has the same one, by which the router knows it
// again, and by which the loop finds on the route what became of it. Pure.

/** The loop rolls a version out once, whatever it was made for: what a person took back does not come again. */
export const rolloutCommandId = ({ version }: { version: number }): string => `loop/rollout-${version}`;

/** A route is taken back once. */
export const rollbackCommandId = ({ expectedRevision }: { expectedRevision: number }): string =>
  `loop/rollback-${expectedRevision}`;
