// Sizes as the project file writes them: "500MB", "20GB", "1.5TB"; powers of 1,000, as disks are sold.

const UNIT_BYTES: Readonly<Record<string, number>> = { MB: 1e6, GB: 1e9, TB: 1e12 };

export const SIZE_PATTERN = '^[0-9]+(\\.[0-9]+)?(MB|GB|TB)$';

const SIZE = new RegExp(SIZE_PATTERN);

/** Bytes, or null when the text is no size. */
export function parseSize(text: string): number | null {
  if (!SIZE.test(text)) return null;
  return Math.round(Number(text.slice(0, -2)) * (UNIT_BYTES[text.slice(-2)] as number));
}
