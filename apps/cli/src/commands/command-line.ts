// The whole command line: every command with its options. It parses; what a command does stands in its own file.
// What is wrong with the line itself is told as any other error is, and ends with EXIT_USAGE.

import { RELEASE, suggest } from '@millrace/domain';
import { type Argument, Command, type CommanderError } from 'commander';
import { auditCommand } from './audit.js';
import { backtestCommand } from './backtest.js';
import { dataCommands } from './data.js';
import { experimentCommands } from './experiment.js';
import { helpCommand } from './help.js';
import { labelCommands } from './labels.js';
import { loopCommand } from './loop.js';
import { modelCommands } from './models.js';
import { newCommand } from './new.js';
import { predictCommand } from './predict.js';
import { predictionCommands } from './prediction.js';
import { projectCommands } from './projects.js';
import { restartCommand } from './restart.js';
import { retentionCommands } from './retention.js';
import { routeCommands } from './routes.js';
import { runCommands } from './run.js';
import { serveCommand } from './serve.js';
import { statusCommands } from './status.js';
import { streamCommands } from './stream.js';
import { trainCommand } from './train.js';
import { watchCommand } from './watch.js';
import { webhookCommands } from './webhooks.js';

const COMMANDS = [
  runCommands,
  serveCommand,
  watchCommand,
  newCommand,
  projectCommands,
  dataCommands,
  labelCommands,
  streamCommands,
  retentionCommands,
  trainCommand,
  backtestCommand,
  modelCommands,
  routeCommands,
  experimentCommands,
  loopCommand,
  predictCommand,
  predictionCommands,
  statusCommands,
  webhookCommands,
  auditCommand,
  restartCommand,
  helpCommand,
];

/** `exit`: what a wrong line, --help and --version end with. */
export function commandLine(exit: (error: CommanderError) => never): Command {
  const program = new Command('millrace')
    .description('Keeps a machine-learned model good while the world changes.')
    .version(RELEASE)
    .option('--json', 'print JSON')
    .showSuggestionAfterError()
    .exitOverride(exit)
    .configureOutput({ outputError: tell })
    // Without "[options]", for the list is to fit a terminal of 80 columns.
    .configureHelp({
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(term)].join(' '),
    });
  for (const add of COMMANDS) add(program);
  return program;
}

const term = (argument: Argument) => {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
};

/** A value that nobody means to read whole. */
const LONG_VALUE = /'([^'\n]{80})[^'\n]+'/g;

/** What commander takes for near: loop for foo. */
const SUGGESTED = /'([^']*)'\n\(Did you mean (?:one of )?([^)]*)\?\)/;

/** Of its suggestions those that a slip of the hand makes. */
function nearOnly(whole: string, word: string, listed: string): string {
  const near = listed.split(', ').filter((one) => suggest(word, [one]) !== null);
  if (near.length === 0) return whole.slice(0, whole.indexOf('\n'));
  return `'${word}'\n(Did you mean ${near.length > 1 ? 'one of ' : ''}${near.join(', ')}?)`;
}

/** Commander begins with "error: "; --json may stand anywhere and may not have been parsed yet. */
function tell(text: string, write: (text: string) => void): void {
  const message = text
    .replace(/^error: /, '')
    .trim()
    .replace(SUGGESTED, nearOnly)
    .replace(LONG_VALUE, "'$1…'");
  if (!process.argv.includes('--json')) write(`millrace: ${message}\n`);
  else process.stdout.write(`${JSON.stringify({ error: { code: 'invalid_argument', message, facts: {} } })}\n`);
}
