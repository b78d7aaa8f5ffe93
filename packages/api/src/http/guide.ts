/** What `/docs` begins with: each way to take an answer, to be pasted into a shell. */
export const guide = `Every call to a model is a durable job. How you take its result is up to you, and may change on the way:
every answer carries \`x-job-id\`.

**Wait**
\`\`\`
curl -X POST http://localhost:8000/v1/generate -H 'Content-Type: application/json' \\
  -d '{"prompt": "Explain queues", "model": "gpt-4o", "user_id": "user123"}'
\`\`\`
**Submit and poll**
\`\`\`
curl -X POST http://localhost:8000/v1/generate -H 'Content-Type: application/json' -H 'Prefer: respond-async' \\
  -d '{"prompt": "Explain queues", "model": "gpt-4o", "user_id": "user123"}'
curl http://localhost:8000/v1/jobs/JOB_ID -H 'Prefer: wait=30'
curl http://localhost:8000/v1/jobs/JOB_ID/result
\`\`\`
**Stream, and resume after the event that you had last**
\`\`\`
curl -N -X POST http://localhost:8000/v1/generate -H 'Content-Type: application/json' \\
  -d '{"prompt": "Explain queues", "model": "gpt-4o", "user_id": "user123", "stream": true}'
curl -N http://localhost:8000/v1/jobs/JOB_ID/events -H 'Last-Event-ID: 3'
\`\`\`
**Queue with options, under a key that makes repeats harmless**
\`\`\`
curl -X POST http://localhost:8000/v1/jobs -H 'Content-Type: application/json' -H 'Idempotency-Key: order-4711' \\
  -d '{"endpoint": "/v1/generate", "priority": 8, "deadline_s": 3600,
       "body": {"prompt": "Explain queues", "model": "gpt-4o", "user_id": "user123"}}'
\`\`\`
**Cancel, list**
\`\`\`
curl -X POST http://localhost:8000/v1/jobs/JOB_ID/cancel
curl 'http://localhost:8000/v1/jobs?status=completed&limit=5'
\`\`\`
**Webhook** (signed by Standard Webhooks with the secret of \`GET /v1/webhooks/secret\`)
\`\`\`
curl -X POST http://localhost:8000/v1/generate -H 'Content-Type: application/json' -H 'Prefer: respond-async' \\
  -d '{"prompt": "Explain queues", "model": "gpt-4o", "user_id": "user123", "webhook": "https://example.com/hook"}'
\`\`\`
`;
