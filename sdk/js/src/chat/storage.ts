/**
 * Where messages wait that are not sent yet. Each is an entry of its own, so that two tabs that write at the same time
 * never overwrite each other's.
 */
export interface OutboxStorage {
  /** All entries whose key begins so, as [key, value], in any order. */
  entries(prefix: string): [string, string][];
  /** Returns false where it could not be kept: the message then lives as long as the page. */
  set(key: string, value: string): boolean;
  remove(key: string): void;
  /** Calls back when another tab changed an entry; returns the function that ends it. */
  onChange?(listener: (key: string) => void): () => void;
}

/** Lives as long as the program. */
export class MemoryStorage implements OutboxStorage {
  readonly #entries = new Map<string, string>();

  entries(prefix: string): [string, string][] {
    return [...this.#entries].filter(([key]) => key.startsWith(prefix));
  }

  set(key: string, value: string): boolean {
    this.#entries.set(key, value);
    return true;
  }

  remove(key: string): void {
    this.#entries.delete(key);
  }
}

/** The browser's `localStorage`: survives a reload, a crash and a restart of the browser. */
export class BrowserStorage implements OutboxStorage {
  constructor(private readonly storage: Storage = localStorage) {}

  entries(prefix: string): [string, string][] {
    try {
      return Object.keys(this.storage)
        .filter((key) => key.startsWith(prefix))
        .map((key) => [key, this.storage.getItem(key) ?? '']);
    } catch {
      return [];
    }
  }

  set(key: string, value: string): boolean {
    try {
      this.storage.setItem(key, value);
      return true;
    } catch {
      // It is full, or the browser forbids it.
      return false;
    }
  }

  remove(key: string): void {
    try {
      this.storage.removeItem(key);
    } catch {
      // As above.
    }
  }

  onChange(listener: (key: string) => void): () => void {
    const changed = ({ key, storageArea }: StorageEvent) => {
      if (storageArea === this.storage && key !== null) listener(key);
    };
    addEventListener('storage', changed);
    return () => removeEventListener('storage', changed);
  }
}

/** `localStorage` where there is one. Some browsers throw at the very mention of it. */
export function defaultStorage(): OutboxStorage {
  try {
    if (typeof window !== 'undefined' && typeof localStorage !== 'undefined')
      return new BrowserStorage();
  } catch {
    // Forbidden: memory it is.
  }
  return new MemoryStorage();
}
