// Codec of topic audit.v1: proto millrace.control.v1.AuditEntry, key = writer. One hash chain per writer; the chain
// itself is libs/audit's.

import { AuditEntrySchema } from './gen/millrace/control/v1/control_pb.js';
import { messageCodec } from './message-codec.js';

export interface AuditEntry {
  /** The process, and this life of it. */
  writer: string;
  /** 1, 2, 3 ... per writer. */
  sequence: number;
  atMs: number;
  /** As it was said; empty where nobody said. */
  who: string;
  action: string;
  subject: string;
  /** What came of it. */
  detail: string;
  correlationId: string;
  /** Empty for a writer's first entry. */
  previousSha256: string;
  sha256: string;
  /** Of what was asked: with the same result it is the same thing told again. */
  id: string;
  project: string;
  tool: string;
  address: string;
  reason: string;
  /** Empty in entries of release 0.1.0. */
  result: '' | 'applied' | 'refused';
}

const codec = messageCodec<AuditEntry>(AuditEntrySchema, {
  AuditEntry: { required: ['writer', 'sequence', 'action', 'sha256'], closed: { result: ['', 'applied', 'refused'] } },
});

export const encodeAuditEntry = codec.encode;
export const decodeAuditEntry = codec.decode;
