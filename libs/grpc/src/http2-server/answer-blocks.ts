// Header blocks of answers: the few fields that every answer has, by index once the peer's table holds them.

import { FIRST_INDEX, literalField, literalText, TABLE_BYTES_MAX } from '../http2/hpack.js';

const STATUS_200 = Buffer.from([0x88]);
/** Literal with incremental indexing, name 31 of the static table. */
const CONTENT_TYPE_LEARN = Buffer.concat([Buffer.from([0x5f]), literalText('application/grpc')]);
const STATUS_OK_LEARN = Buffer.concat([Buffer.from([0x40]), literalText('grpc-status'), literalText('0')]);

/**
 * Header blocks of answers. The first answer of a connection puts content-type and grpc-status 0 into the peer's table,
 * in this order, and nothing else is ever put there, so that their places are known. A peer that changes its table
 * smaller gets literals from then on.
 */
export class AnswerBlocks {
  headers: Buffer = Buffer.concat([STATUS_200, CONTENT_TYPE_LEARN]);
  okTrailers: Buffer = STATUS_OK_LEARN;
  private state: 'new' | 'headers learnt' | 'learnt' | 'literal' = 'new';

  /** The block `headers` was written. */
  wroteHeaders(): void {
    if (this.state !== 'new') return;
    this.state = 'headers learnt';
    this.headers = Buffer.from([0x88, 0x80 | FIRST_INDEX]);
  }

  /** The block `okTrailers` was written, after `headers`; the entry before it moved one place up. */
  wroteOkTrailers(): void {
    if (this.state !== 'headers learnt') return;
    this.state = 'learnt';
    this.headers = Buffer.from([0x88, 0x80 | (FIRST_INDEX + 1)]);
    this.okTrailers = Buffer.from([0x80 | FIRST_INDEX]);
  }

  /** SETTINGS_HEADER_TABLE_SIZE of the peer. A smaller table is answered by "size 0" in the next block. */
  peerTableSize(bytes: number): void {
    if (bytes >= TABLE_BYTES_MAX) return;
    this.state = 'literal';
    this.headers = Buffer.concat([Buffer.from([0x20]), STATUS_200, literalField('content-type', 'application/grpc')]);
    this.okTrailers = literalField('grpc-status', '0');
  }
}
