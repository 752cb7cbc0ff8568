/** Who is signed in, and in which organisation they are at the moment. */
import { forgetWaiting } from '@indaba/client';
import { defineStore } from 'pinia';
import { computed, ref } from 'vue';
import { ApiError, reasonOf, request } from '../api/http';

export interface Me {
  id: number;
  username: string;
  display_name?: string | null;
  orgs: { slug: string; role: string }[];
}

export type Phase = 'loading' | 'unreachable' | 'anonymous' | 'signed-in';

const key = 'indaba.org';

export const useSession = defineStore('session', () => {
  const phase = ref<Phase>('loading');
  const me = ref<Me>();
  const chosen = ref(localStorage.getItem(key));
  const expired = ref(false);
  const problem = ref('');

  /** The organisation that is shown: the one that was chosen, or the only one that there is. */
  const org = computed(() => {
    const slugs = me.value?.orgs.map(({ slug }) => slug) ?? [];
    if (chosen.value !== null && slugs.includes(chosen.value)) return chosen.value;
    return slugs.length === 1 ? slugs[0] : undefined;
  });

  async function load(): Promise<void> {
    phase.value = 'loading';
    try {
      me.value = await request<Me>('GET', 'me');
      phase.value = 'signed-in';
      expired.value = false;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        forget();
        return;
      }
      problem.value = reasonOf(error);
      phase.value = 'unreachable';
    }
  }

  /** Throws the refusal, for the form to show. */
  async function signIn(username: string, password: string): Promise<void> {
    await request('POST', 'auth/session', { body: { username, password } });
    await load();
  }

  // The sockets hear that the session is over before the request that ends it is answered.
  let leaving = false;

  /** Throws where it did not succeed: whoever leaves a shared computer must know. */
  async function signOut(): Promise<void> {
    leaving = true;
    try {
      await request('DELETE', 'auth/session');
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
    } finally {
      leaving = false;
    }
    // What was written and not sent yet is nobody else's to read on this computer.
    if (me.value) forgetWaiting(location.origin, me.value.id);
    forget();
  }

  /** The server says that the session is over. */
  function expire(): void {
    if (phase.value !== 'signed-in' || leaving) return;
    forget();
    expired.value = true;
  }

  function choose(slug: string): void {
    chosen.value = slug;
    localStorage.setItem(key, slug);
  }

  function forget(): void {
    me.value = undefined;
    phase.value = 'anonymous';
  }

  return { phase, me, org, expired, problem, load, signIn, signOut, expire, choose };
});
