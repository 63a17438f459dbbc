// A bound on how long something is waited for.

import { PlatformError } from '@millrace/domain';

/**
 * What `work` gives.
 *
 * @throws PlatformError 'unavailable', saying `late`, where it takes longer; it goes on by itself
 */
export async function inTime<T>(work: Promise<T>, withinMs: number, late: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new PlatformError('unavailable', late)), withinMs);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
