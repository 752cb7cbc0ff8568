/** Plain HTTP to the API: the base URL, credentials, and refusals as `RefusedError`. */
import type { Credentials } from './credentials.js';
import { RefusedError } from './errors.js';

export type Fetch = typeof globalThis.fetch;

interface Problem {
  code?: unknown;
  detail?: unknown;
  title?: unknown;
}

export class Http {
  constructor(
    private readonly base: string,
    private readonly fetch: Fetch,
  ) {}

  url(path: string): string {
    return `${this.base}/api/v1/${path}`;
  }

  /** Sends; any status but 2xx is thrown as a `RefusedError`, a network failure as whatever `fetch` throws. */
  async send(
    path: string,
    credentials: Pick<Credentials, 'cookies'>,
    init: RequestInit,
  ): Promise<Response> {
    const response = await this.fetch(this.url(path), {
      cache: 'no-store',
      credentials: credentials.cookies ? 'include' : 'omit',
      ...init,
    });
    if (!response.ok) throw await refusalOf(response);
    return response;
  }

  post(
    path: string,
    credentials: Pick<Credentials, 'cookies'>,
    headers: Record<string, string>,
    body: unknown,
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>> {
    return this.json('POST', path, credentials, headers, body, signal);
  }

  /** Without a body where `body` is undefined; an answer without one is an empty object. */
  async json(
    method: string,
    path: string,
    credentials: Pick<Credentials, 'cookies'>,
    headers: Record<string, string>,
    body: unknown,
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>> {
    const response = await this.send(path, credentials, {
      method,
      headers: {
        accept: 'application/json',
        ...headers,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    return response.status === 204 ? {} : ((await response.json()) as Record<string, unknown>);
  }
}

/** Reads the problem document, if there is one: a proxy may have answered with a page of its own. */
export async function refusalOf(response: Response): Promise<RefusedError> {
  let problem: Problem = {};
  try {
    const body = (await response.json()) as unknown;
    if (typeof body === 'object' && body !== null) problem = body;
  } catch {
    // Not JSON: the status has to do.
  }
  const text = [problem.detail, problem.title].find((part) => typeof part === 'string');
  return new RefusedError(
    typeof problem.code === 'string' ? problem.code : `http_${response.status}`,
    text ?? `the server answered ${response.status}`,
    response.status,
    retryAfterMs(response.headers.get('retry-after')),
  );
}

function retryAfterMs(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
