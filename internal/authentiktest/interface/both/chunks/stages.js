// The flow interface of the stand-in: it makes the requests that authentik's own makes, and draws what it is asked with plain fields.
const { base } = window.authentik.api;

// traces go along with every request, whether or not errors are reported.
const traces = { "sentry-trace": "00000000000000000000000000000001-0000000000000001-0", baggage: "sentry-environment=customer" };

// call asks the API. The token that is sent along is empty until a user has signed in.
export const call = async (path, answer) => {
	const token = document.cookie.match(/(?:^|; )authentik_csrf=([^;]*)/)?.[1] ?? "";
	const init = { credentials: "include", headers: { Accept: "application/json", "X-authentik-CSRF": token, ...traces } };
	if (answer) {
		init.method = "POST";
		init.headers["Content-Type"] = "application/json";
		init.body = JSON.stringify(answer);
	}
	const response = await fetch(`${base}api/v3/${path}`, init);
	if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
	return response.json();
};

// listen holds the channel open by which authentik speaks to its pages, which go on without it.
const listen = (wait = 1000) => {
	const socket = new WebSocket(`${base.replace(/^http/, "ws")}ws/client/`);
	socket.addEventListener("close", () => setTimeout(listen, wait, Math.min(2 * wait, 60000)));
};

// run takes a visitor through a flow.
export const run = async (place, slug) => {
	listen();
	const path = `flows/executor/${slug}/?query=${encodeURIComponent(location.search.slice(1))}`;
	const send = async (answer) => {
		try {
			draw(place, await call(path, answer), send);
		} catch (error) {
			place.prepend(alert(error.message));
		}
	};
	await send();
};

const draw = (place, challenge, send) => {
	if (challenge.component === "xak-flow-redirect") {
		location.assign(challenge.to);
		return;
	}
	const stage = stages[challenge.component] ?? unknown;
	place.dataset.stage = challenge.component;
	place.replaceChildren(
		make("h1", { textContent: challenge.flow_info?.title ?? "" }),
		...errors(challenge),
		...who(challenge),
		...stage(challenge, (answer) => send({ component: challenge.component, ...answer }), (other) => draw(place, other, send)),
	);
	place.querySelector("input:not([type=hidden])")?.focus();
};

const errors = ({ response_errors }) => Object.entries(response_errors ?? {}).flatMap(
	([field, all]) => all.map((one) => alert(field === "non_field_errors" ? one.string : `${field}: ${one.string}`)),
);

const who = ({ pending_user, pending_user_avatar, flow_info }) => {
	if (!pending_user) return [];
	const picture = make("img", { src: pending_user_avatar, alt: "", width: 32 });
	return [make("p", {}, picture, pending_user, " ", link("Not you?", flow_info?.cancel_url))];
};

// These draw one kind of stage each: from the challenge, what sends an answer, and what draws another challenge in its place.
const stages = {
	"ak-stage-identification": (challenge, send, draw) => {
		const fields = challenge.user_fields?.length ? [field("uid_field", "text", { autocomplete: "username" })] : [];
		if (challenge.password_fields) fields.push(field("password", "password"));
		if (challenge.enable_remember_me) fields.push(field("remember", "checkbox"));
		const remembering = ({ remember, ...answer }) => {
			if (remember) localStorage.setItem("authentik-remember-me-user", answer.uid_field);
			return send(answer);
		};
		return [
			...(fields.length ? [form(remembering, fields)] : []),
			...(challenge.sources ?? []).map((source) => sourceButton(source, draw)),
			link("Forgot username or password?", challenge.recovery_url),
			link("Sign up.", challenge.enroll_url),
			link("Use a security key", challenge.passwordless_url),
		];
	},
	"ak-stage-password": ({ recovery_url }, send) => [form(send, [field("password", "password")]), link("Forgot password?", recovery_url)],
	"ak-stage-authenticator-validate": ({ device_challenges, configuration_stages }, send) => [
		...(device_challenges.some(takesCode) ? [form(send, [field("code", "text", { autocomplete: "one-time-code" })])] : []),
		...device_challenges.filter((device) => ways[device.device_class]).map(
			(device) => button(`Use ${device.device_class}`, device.device_class, async () => send(await ways[device.device_class](device))),
		),
		...configuration_stages.map((stage) => button(stage.verbose_name, stage.pk, () => send({ selected_stage: stage.pk }))),
	],
	"ak-stage-authenticator-totp": ({ config_url }, send) => [code(config_url), form(send, [field("code", "text")])],
	"ak-stage-authenticator-static": ({ codes }, send) => [make("ul", {}, ...codes.map((one) => make("li", {}, code(one)))), form(send, [])],
	"ak-stage-authenticator-webauthn": ({ registration }, send) => [
		button("Register device", "webauthn", async () => send({ response: await (await webauthn()).register(registration) })),
	],
	"ak-stage-consent": ({ header_text, permissions, additional_permissions, token }, send) => [
		make("p", { textContent: header_text ?? "" }),
		make("ul", {}, ...[...permissions, ...additional_permissions].map(({ id, name }) => make("li", { textContent: name || id }))),
		form(send, [field("token", "hidden", { value: token })]),
	],
	"ak-stage-user-login": (_, send) => [form(send, [field("remember_me", "checkbox")])],
	"ak-stage-prompt": ({ fields }, send) => [form(send, fields.filter(asks).map(prompt))],
	"ak-stage-access-denied": ({ error_message }) => [alert(error_message ?? "Request has been denied.")],
};

const unknown = ({ component }) => [make("p", { textContent: component })];

const takesCode = ({ device_class }) => ["static", "totp", "sms", "email"].includes(device_class);

// webauthn loads what only few visitors need.
const webauthn = () => import("../src/flow/stages/chunks/webauthn.js");

// The ways of showing a factor that take more than a code.
const ways = {
	webauthn: async ({ challenge }) => ({ webauthn: await (await webauthn()).assert(challenge) }),
	sms: (device) => ({ selected_challenge: device }),
	email: (device) => ({ selected_challenge: device }),
	duo: ({ device_uid }) => ({ duo: Number(device_uid) }),
};

// sourceButton leads to another identity provider, or begins what is done here to come from there.
const sourceButton = ({ name, icon_url, challenge }, draw) => {
	const picture = icon_url ? [make("img", { src: icon_url, alt: "", width: 16 })] : [];
	if (challenge.to) return make("p", {}, make("a", { href: challenge.to }, ...picture, name));
	const begins = button(name, name, () => draw(challenge));
	begins.prepend(...picture);
	return begins;
};

const asks = ({ type }) => !["static", "separator"].includes(type);

const prompt = ({ field_key, type, initial_value, placeholder, required }) => {
	const plain = ["password", "number", "checkbox", "email", "hidden", "date"].includes(type) ? type : "text";
	return field(field_key, plain, { value: initial_value, placeholder, required: required && plain !== "checkbox" });
};

const make = (tag, properties, ...children) => {
	const element = Object.assign(document.createElement(tag), properties);
	element.append(...children);
	return element;
};

const alert = (textContent) => make("p", { role: "alert", textContent });
const code = (textContent) => make("code", { textContent });
const link = (textContent, href) => (href ? make("p", {}, make("a", { href, textContent })) : "");
const field = (name, type, more) => make("input", { name, type, id: `ak-${name}`, ...more });

const button = (textContent, name, press) => {
	const made = make("button", { type: "button", name, textContent });
	made.addEventListener("click", async () => {
		try {
			await press();
		} catch (error) {
			made.before(alert(error.message));
		}
	});
	return made;
};

// form sends its fields under their names.
const form = (send, fields) => {
	const labelled = fields.map((one) => (one.type === "hidden" ? one : make("label", {}, one.name, " ", one)));
	const made = make("form", {}, ...labelled, make("button", { textContent: "Continue" }));
	made.addEventListener("submit", (event) => {
		event.preventDefault();
		send(Object.fromEntries(fields.map((one) => [one.name, one.type === "checkbox" ? one.checked : one.value])));
	});
	return made;
};
