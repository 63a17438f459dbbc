// Codec of topic projects.v1 (compacted): proto millrace.control.v1.Project, key "<project>". The document is parsed by
// libs/project, not here.

import { ProjectSchema } from './gen/millrace/control/v1/control_pb.js';
import { messageCodec } from './message-codec.js';

export interface ProjectEntry {
  name: string;
  /** 1, 2, 3 ... */
  revision: number;
  /** The project file as canonical JSON. */
  document: string;
  documentSha256: string;
  appliedAtMs: number;
  /**
   * The first application since no project had this name: what is older belongs to one that was deleted. 0: of release
   * 0.1.0.
   */
  createdAtMs: number;
  /** When the label rule became what it is: labels that came before are of another one. 0: it has not changed. */
  labelRuleSinceMs: number;
  /** Schema hashes by which its records were checked before, newest first. */
  earlierSchemas: string[];
}

const codec = messageCodec<ProjectEntry>(ProjectSchema, { Project: { required: ['name', 'revision', 'document'] } });

export const encodeProject = codec.encode;
export const decodeProject = codec.decode;
