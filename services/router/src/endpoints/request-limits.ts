// Bounds of what names a request, wherever it comes in.

/** Sticky keys longer than this are refused: they travel in every frame. */
export const ENTITY_LENGTH_MAX = 256;
/** Longest request id taken from a client. */
export const REQUEST_ID_LENGTH_MAX = 256;
