// What ServerMetadata and GET /v2 answer.

import { RELEASE } from '@millrace/domain';
import { EXTENSIONS, type ServerMetadata } from '@millrace/inference';

export const SERVER_METADATA: ServerMetadata = { name: 'millrace', version: RELEASE, extensions: EXTENSIONS };
