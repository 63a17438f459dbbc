// Opens once the registry has been read to its end: whoever needs a project waits here instead of finding none.

export class RegistryGate {
  private opened = false;
  private release: () => void = () => undefined;
  private readonly passed = new Promise<void>((resolve) => {
    this.release = resolve;
  });

  open(): void {
    this.opened = true;
    this.release();
  }

  isOpen(): boolean {
    return this.opened;
  }

  wait(): Promise<void> {
    return this.passed;
  }
}
