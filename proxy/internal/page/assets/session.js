// For applications that make requests by themselves: when the gate refuses one because no user is
// signed in, this asks the visitor to sign in, in a window of its own, and makes the request again.
// The application opts in with one line: <script src="/.authentik/assets/session.js"></script>

{
	const own = document.currentScript;
	const words = {
		text: own?.dataset.text || "Your session has ended. Sign in to continue.",
		signIn: own?.dataset.signIn || "Sign in",
		cancel: own?.dataset.cancel || "Not now",
	};
	const send = window.fetch.bind(window);

	// loginOf reads the address of the sign-in from a header that only the gate sends. It is one of
	// this site.
	const loginOf = (header) => {
		const address = /(?:^|, )authentik login_url="([^"]+)"/.exec(header || "")?.[1];
		if (!address) return null;
		const url = new URL(address, location.origin);
		return url.origin === location.origin && url.pathname.endsWith("/login") ? url : null;
	};

	// At the end of the sign-in its window says so, and closes.
	const windowOf = (login) => {
		const end = login.pathname.replace(/login$/, "framed");
		const gate = login.searchParams.get("gate");
		const url = new URL(login);
		url.searchParams.set("to", gate ? `${end}?gate=${encodeURIComponent(gate)}` : end);
		return url;
	};

	const openWindow = (url) => {
		const [width, height] = [480, 720];
		const left = Math.round(screenX + (outerWidth - width) / 2);
		const top = Math.round(screenY + (outerHeight - height) / 2);
		const opened = open(url, "_blank", `popup,width=${width},height=${height},left=${left},top=${top}`);
		if (opened) opened.opener = null; // what is shown there may be authentik's, or of those by whom it signs people in
	};

	// ask shows the question, and resolves once someone has signed in, or the visitor does not want to.
	// A window cannot be opened without a click.
	const ask = (login) => new Promise((resolve) => {
		const dialog = document.createElement("dialog");
		const button = (text, act) => {
			const b = document.createElement("button");
			b.type = "button";
			b.textContent = text;
			b.addEventListener("click", act);
			return b;
		};
		const says = document.createElement("p");
		says.textContent = words.text;
		const hears = new BroadcastChannel("authentik-gate");
		const end = (signedIn) => {
			hears.close();
			dialog.remove();
			resolve(signedIn);
		};
		hears.addEventListener("message", () => end(true));
		dialog.addEventListener("close", () => end(false));
		dialog.dataset.authentik = "";
		dialog.append(says, button(words.signIn, () => openWindow(windowOf(login))), " ", button(words.cancel, () => dialog.close()));
		document.body.append(dialog);
		dialog.showModal();
	});

	const userAt = async (login) => {
		const response = await send(new URL(login.pathname.replace(/login$/, "session") + login.search, location.origin), { headers: { Accept: "application/json" } });
		return response.ok ? (await response.json()).user : null;
	};

	let user = null; // of this page, as far as it is known
	let asking = null;

	// signIn asks once for all requests that are refused at the same time. The argument is the header
	// WWW-Authenticate, or the response that has it. The result says whether the request can be made
	// again. For another user than before the page is loaded again: it may show what is not theirs.
	const signIn = async (refused) => {
		const login = loginOf(typeof refused === "string" ? refused : refused?.headers?.get("WWW-Authenticate"));
		if (!login) return false;
		asking ??= ask(login).then(async (signedIn) => {
			if (!signedIn) return false;
			const now = await userAt(login);
			if (user && now !== user) {
				location.reload();
				return false;
			}
			user = now;
			return true;
		}).finally(() => { asking = null; });
		return asking;
	};

	// The gate has refused the request before the application has seen it, so it can be made again,
	// whatever it does. A body that is a stream is gone.
	const again = (input, init) => {
		const stream = init?.body instanceof ReadableStream;
		if (stream) return null;
		if (!(input instanceof Request)) return () => send(input, init);
		const copy = input.clone();
		return () => send(copy, init);
	};

	window.fetch = async (input, init) => {
		const repeat = again(input, init);
		const response = await send(input, init);
		if (response.status !== 401 || !loginOf(response.headers.get("WWW-Authenticate"))) return response;
		return (await signIn(response)) && repeat ? repeat() : response;
	};

	window.authentikGate = { signIn };

	if (own) {
		const login = new URL(own.src.replace(/assets\/[^/]*$/, "login"), location.href);
		if (login.origin === location.origin) userAt(login).then((name) => { user ??= name; }, () => {});
	}
}
