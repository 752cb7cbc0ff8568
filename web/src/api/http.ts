/** Requests to the API with the session cookie; a refusal is thrown as an `ApiError`. */
import { RefusedError } from '@indaba/client';
import { i18n } from '../i18n';

export class ApiError extends Error {
  override name = 'ApiError';

  constructor(
    /** 0 where no answer came. */
    readonly status: number,
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

interface RequestOptions {
  body?: unknown;
  /** A repeat with the same key is the same change. */
  idempotencyKey?: string;
}

export async function request<T>(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  { body, idempotencyKey }: RequestOptions = {},
): Promise<T> {
  const response = await fetch(`/api/v1/${path}`, {
    method,
    cache: 'no-store',
    credentials: 'same-origin',
    headers: {
      accept: 'application/json',
      'accept-language': i18n.global.locale.value,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new ApiError(0, 'network', i18n.global.t('error.network'));
  });
  if (!response.ok) throw await refusal(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function refusal(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => ({}))) as {
    code?: string;
    detail?: string;
    title?: string;
  };
  return new ApiError(
    response.status,
    problem.code ?? `http_${response.status}`,
    problem.detail ?? problem.title ?? i18n.global.t('error.unknown'),
  );
}

export function reasonOf(error: unknown): string {
  return error instanceof ApiError || error instanceof RefusedError
    ? error.message
    : i18n.global.t('error.unknown');
}
