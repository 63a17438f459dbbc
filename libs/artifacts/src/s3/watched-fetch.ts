// fetch as the S3 client gets it: a request that gets no answer, or whose answer stands still, ends after a time; and
// an answer that says that the bucket is missing is told apart from one that says that the object is.

import { BucketMissing, RequestTimeout, serviceCode } from './s3-failure.js';

/** Gives up when `timeoutMs` pass without an answer, or without the next bytes of it. */
export function watchedFetch(timeoutMs: number): typeof fetch {
  return async (input, init) => {
    const control = new AbortController();
    const within = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        control.abort();
      }, timeoutMs);
      try {
        return await work();
      } catch (error) {
        throw isLate ? new RequestTimeout(`${what} within ${timeoutMs} ms`, { cause: error }) : error;
      } finally {
        clearTimeout(timer);
      }
    };
    const response = await within('no answer', () => fetch(input, { ...init, signal: control.signal }));
    const { status, statusText, headers, body } = response;
    if (body === null) return response;
    const answer = new Response(watched(body, within), { status, statusText, headers });
    if (status !== 404) return answer;
    const text = await answer.text();
    if (serviceCode(text) === 'NoSuchBucket') throw new BucketMissing();
    return new Response(text, { status, statusText, headers });
  };
}

type Within = <T>(what: string, work: () => Promise<T>) => Promise<T>;

/** No clock runs while the reader takes its time: only what the server lets wait counts. */
function watched(body: ReadableStream<Uint8Array>, within: Within): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (stream) => {
        const { done, value } = await within('no more bytes', () => reader.read());
        if (done) stream.close();
        else stream.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
