// What ServerMetadata and GET /v2 answer.

import { EXTENSIONS, type ServerMetadata } from '@millrace/inference';

export const SERVER_METADATA: ServerMetadata = { name: 'millrace', version: '0.1.0', extensions: EXTENSIONS };
