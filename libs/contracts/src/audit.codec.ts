// Codec of topic audit.v1: proto millrace.control.v1.AuditEntry, key = writer. One hash chain per writer; the chain
// itself is checked by its reader.

import { AuditEntrySchema } from './gen/millrace/control/v1/control_pb.js';
import { messageCodec } from './message-codec.js';

export interface AuditEntry {
  writer: string;
  /** 1, 2, 3 ... per writer. */
  sequence: number;
  atMs: number;
  who: string;
  action: string;
  subject: string;
  detail: string;
  correlationId: string;
  /** Empty for a writer's first entry. */
  previousSha256: string;
  sha256: string;
}

const codec = messageCodec<AuditEntry>(AuditEntrySchema, {
  AuditEntry: { required: ['writer', 'sequence', 'action', 'sha256'] },
});

export const encodeAuditEntry = codec.encode;
export const decodeAuditEntry = codec.decode;
