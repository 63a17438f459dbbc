// A text file (CSV, NDJSON) from the disk: what its bytes say about it, read once, and its text in pieces; for ingest
// and the command alike, so that a file means the same to both. Memory: one piece.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { PlatformError } from '@millrace/domain';
import { EncodingEvidence, type TextEncoding } from '@millrace/tabular';
import { missingFile } from './missing-file.js';

const PIECE_BYTES = 262_144;

/** `name` stands in messages. */
export interface TextFile {
  path: string;
  name: string;
}

export interface TextFacts {
  sha256: string;
  encoding: TextEncoding;
  /** Some bytes are no text of the encoding. */
  damaged: boolean;
  /** The first 256 KiB as text. */
  sample: string;
  /** The sample is all of the file. */
  isWhole: boolean;
}

/** @throws PlatformError 'invalid_argument' for a file that is empty or cannot be read */
export async function inspectText(file: TextFile, declared: TextEncoding | undefined): Promise<TextFacts> {
  const hash = createHash('sha256');
  const evidence = new EncodingEvidence();
  let first: Uint8Array | null = null;
  let bytes = 0;
  for await (const piece of bytesOf(file)) {
    first ??= piece;
    bytes += piece.length;
    hash.update(piece);
    evidence.take(piece);
  }
  if (first === null)
    throw new PlatformError('invalid_argument', `${file.name} is empty: a header line and rows are expected`);
  const found = evidence.end();
  const encoding = declared ?? found.encoding;
  const sample = new TextDecoder(encoding).decode(first, { stream: true });
  return {
    sha256: hash.digest('hex'),
    encoding,
    damaged: encoding === 'utf-8' && (found.encoding !== 'utf-8' || found.damaged),
    sample,
    isWhole: first.length === bytes,
  };
}

export function encodingWarning(name: string, declared: TextEncoding | undefined, facts: TextFacts): string[] {
  if (facts.damaged)
    return [
      `some bytes of ${name} are no UTF-8: rows with such bytes are refused; \`--encoding windows-1252\` reads them as letters`,
    ];
  if (declared !== undefined || facts.encoding !== 'windows-1252') return [];
  return [`${name} is no UTF-8 and was read as Windows-1252 (Latin-1); \`--encoding\` says otherwise`];
}

/** The text of the file, without a byte-order mark. */
export async function* textOf(file: TextFile, encoding: TextEncoding): AsyncIterable<string> {
  const decoder = new TextDecoder(encoding);
  for await (const piece of bytesOf(file)) yield decoder.decode(piece, { stream: true });
  yield decoder.decode();
}

async function* bytesOf(file: TextFile): AsyncIterable<Buffer> {
  const stream = createReadStream(file.path, { highWaterMark: PIECE_BYTES });
  try {
    for await (const piece of stream) yield piece as Buffer;
  } catch (thrown) {
    throw unreadable(file, thrown);
  } finally {
    stream.destroy();
  }
}

/** For the format: a few hundred bytes are enough. */
export async function firstBytesOf(file: TextFile): Promise<Uint8Array> {
  try {
    const handle = await open(file.path, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    throw unreadable(file, thrown);
  }
}

function unreadable({ name }: TextFile, thrown: unknown): PlatformError {
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === 'ENOENT') return missingFile(name);
  if (code === 'EISDIR')
    return new PlatformError('invalid_argument', `${name} is a folder; name a CSV, NDJSON or Parquet file`);
  return new PlatformError('invalid_argument', `cannot read ${name}: ${(thrown as Error).message}`, { cause: thrown });
}

/** The fault of a row in a damaged file; null where its own bytes were text. */
export function undecodable(row: string): string | null {
  return row.includes('\uFFFD') ? 'holds bytes that are no UTF-8 text' : null;
}
