// kafkajs computes negative timeouts for its request queue (tulios/kafkajs#1751); Node 24 warns about each. Only that
// one warning is dropped, by name.

let installed = false;

export function dropNegativeTimeoutWarnings(): void {
  if (installed) return;
  installed = true;
  const emit = process.emitWarning.bind(process) as (...args: unknown[]) => void;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    const first = rest[0];
    const type =
      warning instanceof Error
        ? warning.name
        : typeof first === 'string'
          ? first
          : (first as { type?: string } | undefined)?.type;
    if (type !== 'TimeoutNegativeWarning') emit(warning, ...rest);
  }) as typeof process.emitWarning;
}
