// Bounds that more than one service keeps, so that all refuse at the same place.

/** Projects of one platform; each costs a schema, a route and a monitor wherever it is known. */
export const PROJECTS_MAX = 1_000;
/** Event time may run ahead of processing time by this: clocks differ, but one wrong year would close every window. */
export const EVENT_TIME_AHEAD_MS_MAX = 86_400_000;
