// The `millrace` command. It talks to the services' APIs, never to Kafka. Exit codes: docs/cli.md.

import { commandLine } from './commands/command-line.js';
import { EXIT_USAGE } from './exit-codes.js';

// The reader (head, a closed terminal) may be gone; what is stopped is stopped in order all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

await commandLine((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE)).parseAsync(process.argv);
// Here the command is done; a call or a poll that a stop has cut short must not keep the process.
process.exit();
