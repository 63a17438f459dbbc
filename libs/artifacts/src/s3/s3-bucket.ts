// One bucket over S3's protocol (client: s3mini): objects with their SHA-256, listings, uploads in parts. Every request
// has a time limit and a number of attempts; what fails at last is an operating error that says what to do. Knows
// nothing of artifacts.
//
// Integrity: an upload carries its Content-MD5, so that the server refuses what arrived otherwise; each object carries
// the SHA-256 of its bytes as metadata, by which who reads it checks them.

import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { PlatformError, type Rng } from '@millrace/domain';
import { counter, histogram, logger } from '@millrace/telemetry';
import { type ListObject, S3mini, S3ServiceError, type UploadPart } from 's3mini';
import { BucketMissing, failureOf, OtherBytes, type S3Place, serviceCode } from './s3-failure.js';
import { watchedFetch } from './watched-fetch.js';

/** Requests of one call until it fails; with the waits between them about 3 s. */
const ATTEMPTS_MAX = 5;
/** Once more where a network changed bytes; an object that is damaged does not heal. */
const OTHER_BYTES_ATTEMPTS_MAX = 2;
const WAIT_MS = 200;
const WAIT_MS_MAX = 5_000;
/** S3 takes parts of 5 MiB and more, and at most PARTS_MAX of them. */
const PART_BYTES = 8_388_608;
const PARTS_MAX = 10_000;
/** Memory of an upload is this many parts. */
const PARTS_AT_ONCE = 3;
/** Files up to this go in one request. */
const WHOLE_BYTES_MAX = 2 * PART_BYTES;
const DELETES_AT_ONCE = 8;
const HASH_HEADER = 'x-amz-meta-sha256';

const requestDuration = histogram('millrace.artifacts.request_duration');
const retries = counter('millrace.artifacts.request_retries');
const bytesSent = counter('millrace.artifacts.bytes').bind({ direction: 'written' });
const bytesRead = counter('millrace.artifacts.bytes').bind({ direction: 'read' });

export interface S3Target extends S3Place {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly timeoutMs: number;
}

export interface S3Ports {
  readonly rng: Rng;
  nowMs(): number;
  monotonicMs(): number;
  sleep(ms: number): Promise<void>;
}

export interface S3Object {
  /** As it was written; undefined = written by something else than this store. */
  readonly sha256: string | undefined;
  readonly bytes: number;
  /** The body, to be read to its end or left. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface ListedObject {
  readonly key: string;
  readonly modifiedAtMs: number;
}

export class S3Bucket {
  private readonly client: S3mini;
  private readonly log = logger('artifacts');

  constructor(
    private readonly target: S3Target,
    private readonly ports: S3Ports,
  ) {
    this.client = new S3mini({
      accessKeyId: target.accessKey,
      secretAccessKey: target.secretKey,
      // The bucket in the path, not in the host's name: every server takes it.
      endpoint: `${target.endpoint.replace(/\/+$/, '')}/${target.bucket}`,
      region: target.region,
      fetch: watchedFetch(target.timeoutMs),
    });
  }

  /**
   * Gives what `work` makes of an object; undefined where there is none. Called again from the beginning when the body
   * is cut off.
   */
  get<T>(key: string, work: (object: S3Object) => Promise<T>): Promise<T | undefined> {
    return this.attempts('get', async () => {
      const response = await this.client.getObjectResponse(key);
      if (response === null) return undefined;
      const { body } = response;
      let isRead = false;
      async function* chunks(): AsyncGenerator<Uint8Array> {
        if (body !== null)
          for await (const chunk of body) {
            bytesRead.add(chunk.byteLength);
            yield chunk;
          }
        isRead = true;
      }
      try {
        const { headers } = response;
        const bytes = Number(headers.get('content-length') ?? 0);
        return await work({ sha256: headers.get(HASH_HEADER) ?? undefined, bytes, chunks: chunks() });
      } finally {
        // What is not read to its end would hold the connection.
        if (!isRead && body !== null && !body.locked) await body.cancel().catch(() => undefined);
      }
    });
  }

  /** Writes one object. */
  async put(key: string, bytes: Uint8Array, sha256: string): Promise<void> {
    await this.attempts('put', () =>
      this.client.putObject(key, bytes, undefined, undefined, { [HASH_HEADER]: sha256, ...md5Header(bytes) }),
    );
    bytesSent.add(bytes.byteLength);
  }

  /** Writes one object from a file of this machine, in parts where it is large; none of it stays where that fails. */
  async putFile(key: string, file: string, sha256: string): Promise<void> {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      if (size <= WHOLE_BYTES_MAX) await this.put(key, await handle.readFile(), sha256);
      else await this.putParts(key, handle, size, sha256);
    } finally {
      await handle.close();
    }
  }

  /** All objects whose keys begin with a prefix. */
  async list(prefix: string): Promise<ListedObject[]> {
    const found = await this.attempts('list', () => this.client.listObjects('/', prefix));
    if (found === null) throw failureOf(new BucketMissing(), this.target).error;
    return found.map(({ Key, LastModified }: ListObject) => ({
      key: Key,
      modifiedAtMs: new Date(LastModified).getTime(),
    }));
  }

  async remove(keys: readonly string[]): Promise<void> {
    await eachOf(keys, DELETES_AT_ONCE, (key) => this.attempts('delete', () => this.client.deleteObject(key)));
  }

  /** Ends uploads in parts that were begun before `beforeMs`: their processes were killed, their parts would stay. */
  async abortUploads(prefix: string, beforeMs: number): Promise<void> {
    const listed = await this.attempts('list', () => this.client.listMultipartUploads('/', prefix));
    for (const { key, uploadId, begunAtMs } of uploadsOf(listed)) {
      if (key.startsWith(prefix) && begunAtMs < beforeMs) await this.abort(key, uploadId);
    }
  }

  /** Comes back where the bucket is there and may be listed. */
  async check(prefix: string): Promise<void> {
    // Asked by people and probes: the first answer counts.
    const found = await this.attempts('check', () => this.client.listObjects('/', prefix, 1), 1);
    // The client takes a 404 without the code of a missing bucket for one.
    if (found === null) throw failureOf(new BucketMissing(), this.target).error;
  }

  private async putParts(key: string, file: FileHandle, size: number, sha256: string): Promise<void> {
    const partBytes = Math.max(PART_BYTES, Math.ceil(size / PARTS_MAX));
    const numbers = Array.from({ length: Math.ceil(size / partBytes) }, (_, index) => index + 1);
    const uploadId = await this.attempts('put', () =>
      this.client.getMultipartUploadId(key, undefined, undefined, { [HASH_HEADER]: sha256 }),
    );
    try {
      const parts: UploadPart[] = [];
      await eachOf(numbers, PARTS_AT_ONCE, async (number) => {
        const bytes = await bytesAt(
          file,
          (number - 1) * partBytes,
          Math.min(partBytes, size - (number - 1) * partBytes),
        );
        parts[number - 1] = await this.attempts('put', () =>
          this.client.uploadPart(key, uploadId, bytes, number, {}, undefined, md5Header(bytes)),
        );
        bytesSent.add(bytes.byteLength);
      });
      await this.complete(key, uploadId, parts, sha256);
    } catch (error) {
      await this.abort(key, uploadId);
      throw error;
    }
  }

  private complete(key: string, uploadId: string, parts: UploadPart[], sha256: string): Promise<void> {
    let isRepeated = false;
    return this.attempts('put', async () => {
      try {
        const { etag } = await this.client.completeMultipartUpload(key, uploadId, parts);
        // S3 says 200 before it has put the parts together, and a failure in the body.
        if (!etag) throw new S3ServiceError('the parts were not put together', 500, 'InternalError');
      } catch (error) {
        // An earlier attempt may have succeeded, and its answer was lost.
        const isGone = error instanceof S3ServiceError && serviceCode(error.body) === 'NoSuchUpload';
        if (!isRepeated || !isGone || (await this.recorded(key)) !== sha256) throw error;
      } finally {
        isRepeated = true;
      }
    });
  }

  private recorded(key: string): Promise<string | undefined> {
    return this.get(key, async ({ sha256 }) => sha256);
  }

  private async abort(key: string, uploadId: string): Promise<void> {
    try {
      await this.attempts('abort', () => this.client.abortMultipartUpload(key, uploadId));
    } catch (error) {
      if (error instanceof PlatformError && error.facts['serviceCode'] === 'NoSuchUpload') return;
      // Nobody sees the parts; they go when a process looks for what was left.
      this.log.warn('parts of an upload that failed stay in the bucket for a day', { key }, error);
    }
  }

  /** Bounded in number and, by the time limit of each request, in time. */
  private async attempts<T>(operation: string, work: () => Promise<T>, attemptsMax = ATTEMPTS_MAX): Promise<T> {
    const startedMs = this.ports.monotonicMs();
    let outcome = 'ok';
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await work();
        } catch (thrown) {
          const { error, isTransient } = failureOf(thrown, this.target);
          const most = thrown instanceof OtherBytes ? Math.min(OTHER_BYTES_ATTEMPTS_MAX, attemptsMax) : attemptsMax;
          if (!isTransient || attempt >= most) throw error;
          retries.add(1, { operation });
          // Full jitter: many processes that lost the server do not come back at once.
          const waitMs = Math.min(WAIT_MS_MAX, WAIT_MS * 2 ** attempt);
          await this.ports.sleep(waitMs * (0.25 + 0.75 * this.ports.rng.next()));
        }
      }
    } catch (error) {
      outcome = PlatformError.from(error).code;
      throw error;
    } finally {
      requestDuration.record(this.ports.monotonicMs() - startedMs, { operation, outcome });
    }
  }
}

/** At most `width` at a time; the first failure ends it when those under way have ended. */
export async function eachOf<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      try {
        await work(items[next++] as T);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(width, items.length) }, worker));
  for (const result of ended) if (result.status === 'rejected') throw result.reason;
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead: count } = await file.read(bytes, filled, length - filled, position + filled);
    if (count === 0) throw new PlatformError('conflict', 'the file became shorter while it was uploaded');
    filled += count;
  }
  return bytes;
}

/** Signed with the request. Not of x-amz-, as the client's type has it; its own headers go the same way. */
function md5Header(bytes: Uint8Array): Record<`x-amz-${string}`, string> {
  return { 'content-md5': createHash('md5').update(bytes).digest('base64') } as Record<`x-amz-${string}`, string>;
}

interface Upload {
  readonly key: string;
  readonly uploadId: string;
  readonly begunAtMs: number;
}

/** The client gives this answer as it is read from XML: one upload is no list of one. */
function uploadsOf(answer: unknown): Upload[] {
  const result = (answer as { ListMultipartUploadsResult?: { Upload?: unknown } }).ListMultipartUploadsResult ?? answer;
  const { Upload: given } = result as { Upload?: unknown };
  return (Array.isArray(given) ? given : given === undefined ? [] : [given]).flatMap((upload: unknown) => {
    const { Key, UploadId, Initiated } = upload as Record<string, unknown>;
    const begunAtMs = Date.parse(String(Initiated));
    return typeof Key === 'string' && typeof UploadId === 'string' && !Number.isNaN(begunAtMs)
      ? [{ key: Key, uploadId: UploadId, begunAtMs }]
      : [];
  });
}
