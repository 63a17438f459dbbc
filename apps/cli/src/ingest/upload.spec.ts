import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { uploadFile } from './upload.fs.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-upload-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Takes bytes as ingest does, but for the faults of its calls: a fault is thrown after `taken` bytes of the piece. */
function control(
  kept: number,
  faults: Record<number, { code: 'unavailable' | 'conflict' | 'overloaded'; taken: number }>,
) {
  const received: number[] = [];
  let bytes = Buffer.alloc(0);
  let calls = 0;
  return {
    received,
    whole: () => bytes,
    startUpload: async (_project: string, file: { bytes: number; sha256: string }) => {
      if (bytes.length === 0 && kept > 0) bytes = CONTENT.subarray(0, kept);
      expect(file).toEqual({
        name: 'a.csv',
        bytes: CONTENT.length,
        sha256: createHash('sha256').update(CONTENT).digest('hex'),
      });
      return { uploadId: 'u', receivedBytes: bytes.length };
    },
    sendUpload: async (_project: string, _id: string, offset: number, piece: Uint8Array) => {
      expect(offset).toBe(bytes.length);
      const fault = faults[calls++];
      bytes = Buffer.concat([bytes, fault === undefined ? piece : piece.subarray(0, fault.taken)]);
      received.push(bytes.length);
      if (fault !== undefined) throw new PlatformError(fault.code, 'as the test wants it');
      return { receivedBytes: bytes.length };
    },
  };
}

const CONTENT = Buffer.alloc(20_000_000, 'a,b\n1,2\n');
const path = join(folder, 'a.csv');
writeFileSync(path, CONTENT);
const silent = { hashed: () => undefined, sent: () => undefined };

describe('a file that is sent', () => {
  it('goes in pieces, from where an earlier try stopped', async () => {
    const service = control(5_000_000, {});
    const sent: number[] = [];
    await uploadFile(service, 'p', path, { hashed: () => undefined, sent: (bytes) => sent.push(bytes) });
    expect(sent).toEqual([5_000_000, 13_388_608, 20_000_000]);
    expect(service.whole().equals(CONTENT)).toBe(true);
  });

  it('goes on after a piece that failed, from what the service has of it', async () => {
    const service = control(0, { 0: { code: 'unavailable', taken: 1_000 }, 1: { code: 'conflict', taken: 0 } });
    await uploadFile(service, 'p', path, silent);
    expect(service.received).toEqual([1_000, 1_000, 8_389_608, 16_778_216, 20_000_000]);
    expect(service.whole().equals(CONTENT)).toBe(true);
  });

  it('fails at once for what no repetition mends', async () => {
    const service = control(0, { 0: { code: 'overloaded', taken: 0 } });
    await expect(uploadFile(service, 'p', path, silent)).rejects.toMatchObject({ code: 'overloaded' });
    expect(service.received).toHaveLength(1);
  });
});
