// What a person types to run this command: `millrace` where it is on the PATH (npm link), `npx millrace` in the clone,
// `npm --prefix DIR exec -- millrace` from another folder. Commands that are told have it in front, so that they can be
// pasted; every other text says `millrace`, and is put into the typed form here, on its way to the terminal.

const NAME = 'millrace';

/** npm tells what it runs, and for whom. @param cwd where it was typed */
export function typedAs(env: Readonly<Record<string, string | undefined>>, cwd: string): string {
  const { npm_command: command, npm_lifecycle_script: script, npm_config_local_prefix: clone } = env;
  // Some other program of the clone may have been started so, which then starts this one.
  if (command !== 'exec' || !/^["']?millrace\b/.test(script ?? '')) return NAME;
  const isHere = clone === undefined || cwd === clone || cwd.startsWith(`${clone}/`);
  return isHere ? `npx ${NAME}` : `npm --prefix ${clone} exec -- ${NAME}`;
}

/** A command that comes next, as it is typed. */
export const nextTyped = (command: string, typed: string): string =>
  command.startsWith(`${NAME} `) ? `${typed}${command.slice(NAME.length)}` : command;

/** The commands in a text stand in backquotes. */
export const textTyped = (text: string, typed: string): string => text.replaceAll(`\`${NAME} `, () => `\`${typed} `);

/** Those of a text, each once, in their order. */
export const commandsIn = (text: string): string[] => [
  ...new Set([...text.matchAll(/`(millrace [^`]+)`/g)].map(([, command]) => command as string)),
];
