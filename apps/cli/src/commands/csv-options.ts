// The options of every command that reads a text file: what is not said is found out from the file.

import type { Command } from 'commander';
import { csvText } from './option-values.js';

export interface CsvOptions {
  delimiter?: string;
  decimal?: string;
  encoding?: string;
}

export function withCsvOptions(command: Command): Command {
  return command
    .option('--delimiter <character>', 'of a CSV file, or tab; default: found out', csvText('delimiter'))
    .option('--decimal <sign>', "of a CSV file: . or , (numbers like 1,5); default: '.'", csvText('decimal'))
    .option(
      '--encoding <name>',
      'of a text file; default: UTF-8, or Windows-1252 where it is none',
      csvText('encoding'),
    );
}
