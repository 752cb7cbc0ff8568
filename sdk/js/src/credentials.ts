/**
 * How the client proves who it is: by the browser's session cookie, or by a token that a provider hands out and
 * that may be written into the socket's sub-protocols or traded for a single-use socket token.
 */
import { RefusedError, UnauthenticatedError } from './errors.js';

/** A token, with its expiry in milliseconds since 1970 if the provider knows it; a JWT tells it by itself. */
export type Token = string | { token: string; expiresAt?: number };

/** `refresh` is true where the last token was refused: a cached one will not do. */
export type TokenProvider = (request: { refresh: boolean }) => Token | Promise<Token>;

export interface SocketCredentials {
  protocols: string[];
  query: Record<string, string>;
}

export interface Credentials {
  /** Whether a refused credential can be replaced without the user. */
  readonly renewable: boolean;
  /** For `fetch`: whether cookies go along. */
  readonly cookies: boolean;
  headers(refresh: boolean): Promise<Record<string, string>>;
  forSocket(refresh: boolean): Promise<SocketCredentials>;
  /** The token for a renewal over a socket that is open, and when to renew it; none where nothing expires. */
  token?(refresh: boolean): Promise<string>;
  expiresAt?(): number | undefined;
}

/** The session cookie of the page's own origin. */
export function cookieCredentials(): Credentials {
  return {
    renewable: false,
    cookies: true,
    headers: () => Promise.resolve({}),
    forSocket: () => Promise.resolve({ protocols: [], query: {} }),
  };
}

export interface TokenOptions {
  /** `Bearer` for access tokens, `Token` for API keys and personal tokens. */
  scheme?: 'Bearer' | 'Token';
  /**
   * `protocol` sends the token beside the sub-protocol, where no log sees it. `socket-token` first trades it for a
   * single-use token of 60 s, for tokens whose characters a sub-protocol cannot carry.
   */
  via?: 'protocol' | 'socket-token';
}

export function tokenCredentials(
  provider: TokenProvider,
  post: (path: string, headers: Record<string, string>) => Promise<Record<string, unknown>>,
  { scheme = 'Bearer', via = 'protocol' }: TokenOptions = {},
): Credentials {
  const cache = new TokenCache(provider);
  const headers = async (refresh: boolean) => ({
    authorization: `${scheme} ${await cache.get(refresh)}`,
  });

  async function forSocket(refresh: boolean): Promise<SocketCredentials> {
    if (via === 'protocol') {
      return { protocols: ['Bearer', await cache.get(refresh)], query: {} };
    }
    const { token } = await post('auth/ws-token', await headers(refresh));
    if (typeof token !== 'string') throw new Error('the server sent no socket token');
    return { protocols: [], query: { token } };
  }

  return {
    renewable: true,
    cookies: false,
    headers,
    // A trade that was refused with 401 is a token that was refused.
    forSocket: async (refresh) => {
      try {
        return await forSocket(refresh);
      } catch (error) {
        if (!(error instanceof RefusedError) || error.status !== 401 || refresh) throw error;
        return forSocket(true);
      }
    },
    token: (refresh) => cache.get(refresh),
    expiresAt: () => cache.expiresAt,
  };
}

/** Asks the provider as rarely as it can, and never twice at the same time. */
class TokenCache {
  expiresAt: number | undefined;
  #token: string | undefined;
  #asking: Promise<string> | undefined;

  constructor(private readonly provider: TokenProvider) {}

  async get(refresh: boolean): Promise<string> {
    const usable = !refresh && (this.expiresAt ?? Infinity) > Date.now();
    if (usable && this.#token !== undefined) return this.#token;
    this.#asking ??= this.#ask(refresh || this.#token !== undefined).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(refresh: boolean): Promise<string> {
    const answer = await this.provider({ refresh });
    const { token, expiresAt } =
      typeof answer === 'string' ? { token: answer, expiresAt: undefined } : answer;
    if (!token) throw new UnauthenticatedError('the token provider gave no token');
    this.#token = token;
    this.expiresAt = expiresAt ?? expiryOfJwt(token);
    return token;
  }
}

/** The `exp` of a JWT in milliseconds, unverified: it only says when to renew. */
export function expiryOfJwt(token: string): number | undefined {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const claims = JSON.parse(atob(payload.replace(/-/g, '+').replace(/_/g, '/'))) as unknown;
    const exp = (claims as { exp?: unknown } | null)?.exp;
    return typeof exp === 'number' ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
