// The `millrace` command. It talks to the services' APIs, never to Kafka. Exit codes: docs/cli.md.

import { RELEASE } from '@millrace/domain';
import { Command } from 'commander';
import { dataCommands } from './commands/data.js';
import { modelCommands } from './commands/models.js';
import { newCommand } from './commands/new.js';
import { predictCommand } from './commands/predict.js';
import { runCommands } from './commands/run.js';
import { serveCommand } from './commands/serve.js';
import { watchCommands } from './commands/watch.js';
import { EXIT_USAGE } from './exit-codes.js';

const program = new Command('millrace')
  .description('Keeps a machine-learned model good while the world changes.')
  .version(RELEASE)
  .option('--json', 'print JSON')
  .showSuggestionAfterError()
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE);
  });

runCommands(program);
serveCommand(program);
newCommand(program);
dataCommands(program);
modelCommands(program);
predictCommand(program);
watchCommands(program);

// The reader (head, a closed terminal) may be gone; what is stopped is stopped in order all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

await program.parseAsync(process.argv);
// Here the command is done; a call or a poll that a stop has cut short must not keep the process.
process.exit();
