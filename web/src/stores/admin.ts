/**
 * What admins of an organisation look after: exports, whose progress is followed live, and background jobs.
 *
 * Lists are read when the page is shown. An export of our own is followed on `tasks/{id}`; what becomes of everybody's is
 * told by `export_done` on the organisation's notifications.
 */
import type { Client, StreamEvent, Subscription } from '@indaba/client';
import { defineStore } from 'pinia';
import { computed, ref } from 'vue';
import { reasonOf, request } from '../api/http';

export const kinds = ['tasks_csv', 'messages_jsonl', 'audit_jsonl'] as const;
export type Kind = (typeof kinds)[number];

export interface Export {
  job_id: number;
  task_id: string;
  kind: Kind;
  status: 'queued' | 'running' | 'done' | 'failed';
  lines: number;
  bytes: number;
  download_url?: string | null;
  error?: { code: string; message: string } | null;
  requested_by: number;
  created_at: string;
  /** Of 1; ours to keep, from the events of its task. */
  progress?: number;
}

export interface Job {
  id: number;
  task: string;
  status: string;
  failures: number;
  cancelling: boolean;
  progress: number;
  note: string;
  error?: { code: string; message: string } | null;
  created_at: string;
}

export const useAdmin = defineStore('admin', () => {
  const byId = ref(new Map<number, Export>());
  const jobs = ref<Job[]>([]);
  const problem = ref('');
  const exports = computed(() => [...byId.value.values()].sort((a, b) => b.job_id - a.job_id));
  const followed = new Map<string, Subscription>();
  let client: Client | undefined;
  let me = 0;
  let org = '';
  /** Grows with every organisation: an answer for an earlier one comes too late. */
  let generation = 0;

  function open(with_: Client, slug: string, user: number): void {
    close();
    client = with_;
    org = slug;
    me = user;
  }

  function close(): void {
    generation += 1;
    followed.clear();
    client = undefined;
    byId.value = new Map();
    jobs.value = [];
    problem.value = '';
  }

  /** Runs `work`, and says what went wrong, if this is still what is shown. */
  async function attempt(work: () => Promise<(() => void) | undefined>): Promise<void> {
    const mine = generation;
    problem.value = '';
    try {
      const show = await work();
      if (mine === generation) show?.();
    } catch (error) {
      if (mine === generation) problem.value = reasonOf(error);
    }
  }

  const loadExports = () =>
    attempt(async () => {
      const list = await request<{ results: Export[] }>('GET', `orgs/${org}/exports`);
      return () => list.results.forEach(put);
    });

  const loadJobs = () =>
    attempt(async () => {
      const list = await request<{ results: Job[] }>('GET', `admin/jobs?org=${org}`);
      return () => {
        jobs.value = list.results;
      };
    });

  const start = (kind: Kind) =>
    attempt(async () => {
      const made = await request<Export>('POST', `orgs/${org}/exports`, {
        body: { kind },
        idempotencyKey: crypto.randomUUID(),
      });
      return () => put(made);
    });

  const change = (job: number, what: 'retry' | 'cancel') =>
    attempt(async () => {
      const changed = await request<Job>('POST', `admin/jobs/${job}/${what}`);
      return () => {
        jobs.value = jobs.value.map((each) => (each.id === job ? changed : each));
      };
    });

  function put(one: Export): void {
    const before = byId.value.get(one.job_id);
    byId.value.set(one.job_id, { ...before, ...one });
    if (one.status === 'queued' || one.status === 'running') follow(one);
    else leave(one);
  }

  /** Nobody else may follow it: others hear of its end. */
  function follow({ task_id, job_id, requested_by }: Export): void {
    const stream = `tasks/${task_id}`;
    if (!client || requested_by !== me || followed.has(task_id)) return;
    const subscription = client.subscription(stream) ?? client.subscribe(stream);
    followed.set(task_id, subscription);
    subscription.on('event', (event: StreamEvent) => {
      const known = byId.value.get(job_id);
      if (!known) return;
      if (event.type === 'task_progress') {
        known.status = 'running';
        known.progress = Number(event['progress']);
      } else if (event.type === 'task_ended') {
        void refresh(job_id);
      }
    });
  }

  function leave({ task_id }: Export): void {
    followed.get(task_id)?.unsubscribe();
    followed.delete(task_id);
  }

  const refresh = (id: number) =>
    attempt(async () => {
      const now = await request<Export>('GET', `orgs/${org}/exports/${id}`);
      return () => put(now);
    });

  /** Of the organisation's notifications. Those that were replayed are in the list already. */
  function apply(event: StreamEvent): void {
    if (event.type !== 'export_done' || byId.value.size === 0) return;
    const id = Number(event['job_id']);
    const known = byId.value.get(id);
    if (known === undefined || known.status === 'queued' || known.status === 'running')
      void refresh(id);
  }

  return { exports, jobs, problem, open, close, loadExports, loadJobs, start, change, apply };
});
