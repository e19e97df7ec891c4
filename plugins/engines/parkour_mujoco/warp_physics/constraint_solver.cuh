// The body of a function that solves one world's constraints; constraint_solver.py writes the sizes in capitals above it.
// DOFS: degrees of freedom. ROWS: room for constraints. ENTRIES: of the mass matrix. WORLDS: in a block of threads.
// On a GPU the 32 threads of a warp share a world; on a CPU one does everything.
#if defined(__CUDA_ARCH__)
#define SHARED __shared__
#define TOGETHER() __syncwarp()
    const int lanes = 32, place = threadIdx.x / 32;
    auto sum = [](float x) {
        for (int step = 16; step > 0; step /= 2)
            x += __shfl_xor_sync(0xffffffffu, x, step);
        return x;
    };
    auto from_lane = [](float x, int other) { return __shfl_sync(0xffffffffu, x, other); };
#else
#define SHARED
#define TOGETHER()
    const int lanes = 1, place = 0;
    auto sum = [](float x) { return x; };
#endif
    const float TINY = 1.0e-15f;
    // An odd length of rows: threads that read one column each use another bank of memory.
    const int LONG = DOFS | 1;
    SHARED float factors[WORLDS][(DOFS + 1) * LONG];  // the Hessian's lower triangle, and the gradient below it
    SHARED float masses[WORLDS][DOFS * LONG];
    SHARED float inverses[WORLDS][DOFS];  // of the factor's diagonal
    SHARED float searches[WORLDS][DOFS], products[WORLDS][DOFS], forces[WORLDS][DOFS], gradients[WORLDS][DOFS];
    SHARED float residuals[WORLDS][ROWS], slopes[WORLDS][ROWS], weights[WORLDS][ROWS];
    float *L = factors[place], *M = masses[place], *inverse = inverses[place], *search = searches[place];
    float *Mv = products[place], *Ma = forces[place], *gradient = gradients[place];
    float *residual = residuals[place], *slope = slopes[place], *weight = weights[place];

    // This world's part of an array.
    auto of_world = [&](auto &array) {
        return (decltype(array.data))((char *)array.data + world * (size_t)array.strides[0]);
    };
    auto option = [&](wp::array_t<float> &array) { return array.data[world % array.shape[0]]; };
    const float *J = of_world(problem.J), *D = of_world(problem.D), *aref = of_world(problem.aref);
    const float *frictionloss = of_world(problem.frictionloss), *smooth = of_world(problem.qfrc_smooth);
    float *acceleration = of_world(problem.qacc), *force = of_world(problem.force);
    const int width = problem.J.strides[1] / sizeof(float);
    const int rows = wp::min(problem.nefc.data[world], ROWS);
    const int equalities = problem.ne.data[world], two_sided = equalities + problem.nf.data[world];
    const float scale = 1.0f / (option(problem.meaninertia) * DOFS);
    const float small = option(problem.tolerance), small_slope = small * option(problem.ls_tolerance) / scale;

    // A row's force where its residual is x, and whether its cost is quadratic there.
    auto push = [&](int row, float x, bool &quadratic) {
        quadratic = true;
        if (row < equalities)
            return -D[row] * x;
        if (row < two_sided) {
            const float bound = frictionloss[row], pull = -D[row] * x;
            quadratic = pull > -bound && pull < bound;
            return wp::min(wp::max(pull, -bound), bound);
        }
        quadratic = x < 0.0f;
        return quadratic ? -D[row] * x : 0.0f;
    };
    // How much more a row costs at x + along than at x.
    auto dearer = [&](int row, float x, float along) {
        const float d = D[row], y = x + along;
        if (row >= equalities && row < two_sided) {
            const float bound = frictionloss[row], knee = bound / d;
            auto cost = [&](float z) {
                return wp::abs(z) < knee ? 0.5f * d * z * z : bound * (wp::abs(z) - 0.5f * knee);
            };
            return cost(y) - cost(x);
        }
        const bool always = row < equalities, before = always || x < 0.0f, after = always || y < 0.0f;
        if (before && after)
            return d * along * (x + 0.5f * along);
        return 0.5f * d * ((after ? y * y : 0.0f) - (before ? x * x : 0.0f));
    };
    // L becomes the Cholesky factor of its lower triangle; the row below it, b, becomes inverse(L) b.
    auto factorize = [&]() {
        TOGETHER();
#if defined(__CUDA_ARCH__)
        // A thread has a row in its registers: columns are passed on without going through memory.
        float row[DOFS];
#pragma unroll
        for (int j = 0; j < DOFS; j++)
            row[j] = lane <= DOFS ? L[lane * LONG + j] : 0.0f;
#pragma unroll
        for (int k = 0; k < DOFS; k++) {
            const float root = rsqrtf(wp::max(from_lane(row[k], k), TINY));
            row[k] *= root;
            if (lane == k)
                inverse[k] = root;
#pragma unroll
            for (int j = k + 1; j < DOFS; j++)
                row[j] -= row[k] * from_lane(row[k], j);
        }
        if (lane <= DOFS) {
#pragma unroll
            for (int j = 0; j < DOFS; j++)
                L[lane * LONG + j] = row[j];
        }
#else
        for (int k = 0; k < DOFS; k++)
            for (int i = k; i <= DOFS; i++) {
                float x = L[i * LONG + k];
                for (int j = 0; j < k; j++)
                    x -= L[i * LONG + j] * L[k * LONG + j];
                if (i == k)
                    inverse[k] = 1.0f / wp::sqrt(wp::max(x, TINY));
                L[i * LONG + k] = x * inverse[k];
            }
#endif
        TOGETHER();
    };
    // search = -inverse(A) b, of what was factorized. Returns b' inverse(A) b.
    auto substitute = [&]() {
        const float *b = L + DOFS * LONG;
        float norm = 0.0f;
        for (int i = lane; i < DOFS; i += lanes)
            norm += b[i] * b[i];
#if defined(__CUDA_ARCH__)
        float x = lane < DOFS ? b[lane] * inverse[lane] : 0.0f;
#pragma unroll
        for (int k = DOFS - 1; k > 0; k--) {
            const float known = from_lane(x, k);
            if (lane < k)
                x -= L[k * LONG + lane] * known * inverse[lane];
        }
        if (lane < DOFS)
            search[lane] = -x;
#else
        for (int k = DOFS - 1; k >= 0; k--) {
            float x = b[k];
            for (int i = k + 1; i < DOFS; i++)
                x += L[i * LONG + k] * search[i];
            search[k] = -x * inverse[k];
        }
#endif
        TOGETHER();
        return sum(norm);
    };
    auto times_mass = [&](const float *vector, float *out) {
        for (int i = lane; i < DOFS; i += lanes) {
            float x = 0.0f;
            for (int j = 0; j < DOFS; j++)
                x += M[i * LONG + j] * vector[j];
            out[i] = x;
        }
    };
    auto times_jacobian = [&](int row, const float *vector) {
        float x = 0.0f;
        for (int i = 0; i < DOFS; i++)
            x += J[row * width + i] * vector[i];
        return x;
    };
    // Forces of all rows, and which of them the Hessian has; returns whether the latter changed.
    auto update_rows = [&]() {
        float changed = 0.0f;
        for (int row = lane; row < rows; row += lanes) {
            bool quadratic;
            const float pushed = push(row, residual[row], quadratic), now = quadratic ? D[row] : 0.0f;
            // A friction that now pushes the other way changes the gradient, though not the Hessian.
            changed += now != weight[row] || (!quadratic && pushed != force[row]);
            force[row] = pushed;
            weight[row] = now;
        }
        TOGETHER();
        return sum(changed) > 0.0f;
    };
    auto update_gradient = [&]() {
        float square = 0.0f;
        for (int i = lane; i < DOFS; i += lanes) {
            float x = Ma[i] - smooth[i];
            for (int row = 0; row < rows; row++)
                x -= J[row * width + i] * force[row];
            gradient[i] = x;
            L[DOFS * LONG + i] = x;
            square += x * x;
        }
        return sum(square);
    };
    auto update_hessian = [&]() {
        for (int i = lane; i < DOFS; i += lanes) {
            float row_of_h[DOFS];
#pragma unroll
            for (int j = 0; j < DOFS; j++)
                row_of_h[j] = M[i * LONG + j];
            for (int row = 0; row < rows; row++) {
                const float w = weight[row];
                if (w == 0.0f)
                    continue;
                const float *numbers = J + row * width;
                const float x = w * numbers[i];
#pragma unroll
                for (int j = 0; j < DOFS; j++)
                    row_of_h[j] += x * numbers[j];
            }
#pragma unroll
            for (int j = 0; j < DOFS; j++)
                if (j <= i)
                    L[i * LONG + j] = row_of_h[j];
        }
    };

    for (int i = lane; i < DOFS * LONG; i += lanes)
        M[i] = 0.0f;
    TOGETHER();
    const float *entries = of_world(problem.mass), *start = of_world(problem.qacc_warmstart);
    for (int e = lane; e < ENTRIES; e += lanes) {
        const int i = problem.mass_i.data[e], j = problem.mass_j.data[e];
        M[i * LONG + j] = M[j * LONG + i] = entries[e];
    }
    for (int i = lane; i < DOFS; i += lanes)
        search[i] = acceleration[i] = start[i];
    TOGETHER();
    times_mass(search, Ma);
    for (int row = lane; row < rows; row += lanes) {
        residual[row] = times_jacobian(row, search) - aref[row];
        weight[row] = 0.0f;
    }
    TOGETHER();
    update_rows();
    float square = update_gradient();
    update_hessian();
    factorize();
    float decrement = substitute();
    float left = 1.0f;  // of the gradient that is stored
    bool turned = true;
    float bend = 0.0f;
    int done = 0;
    while (done < iterations) {
        done++;
        // The cost along the search direction: its slope is -decrement at first, and the Newton step is 1.
        if (turned) {
            times_mass(search, Mv);
            for (int row = lane; row < rows; row += lanes)
                slope[row] = times_jacobian(row, search);
            TOGETHER();
            bend = 0.0f;
            for (int i = lane; i < DOFS; i += lanes)
                bend += search[i] * Mv[i];
            bend = sum(bend);
        }
        float tilt = 0.0f, length = 0.0f;
        for (int i = lane; i < DOFS; i += lanes) {
            tilt += search[i] * (Ma[i] - smooth[i]);
            length += search[i] * search[i];
        }
        tilt = sum(tilt);
        const float flat = wp::max(small_slope * wp::sqrt(sum(length)), 1.0e-6f);
        float step = left, low = 0.0f, high = 0.0f;
        bool bounded = false;
        for (int turn = 0; turn <= ls_iterations; turn++) {
            float first = 0.0f, second = 0.0f;
            for (int row = lane; row < rows; row += lanes) {
                bool quadratic;
                first -= slope[row] * push(row, residual[row] + step * slope[row], quadratic);
                second += quadratic ? D[row] * slope[row] * slope[row] : 0.0f;
            }
            first = sum(first) + tilt + step * bend;
            second = sum(second) + bend;
            if (wp::abs(first) < flat || turn == ls_iterations)
                break;
            if (first > 0.0f) {
                high = step;
                bounded = true;
            } else {
                low = step;
            }
            float next = step - first / second;
            // Convex: the minimum lies between. Newton's step may leave this where the slope has knees.
            if (next <= low || (bounded && next >= high))
                next = bounded ? 0.5f * (low + high) : 2.0f * step;
            if (next == step)
                break;
            step = next;
        }
        float gain = 0.0f;
        for (int row = lane; row < rows; row += lanes) {
            const float along = step * slope[row];
            gain -= dearer(row, residual[row], along);
            residual[row] += along;
        }
        gain = sum(gain) - step * (tilt + 0.5f * step * bend);
        for (int i = lane; i < DOFS; i += lanes) {
            acceleration[i] += step * search[i];
            Ma[i] += step * Mv[i];
        }
        turned = update_rows();
        if (turned) {
            left = 1.0f;
            square = update_gradient();
            if (!(wp::sqrt(square) * scale >= small && gain * scale >= small) || done == iterations)
                break;
            update_hessian();
            factorize();
            decrement = substitute();
        } else {
            // Quadratic all the way: what is left of the gradient points where it did.
            const float rest = left - step, ratio = left != 0.0f ? rest / left : 0.0f;
            square *= ratio * ratio;
            decrement *= ratio * ratio;
            left = rest;
        }
        if (!(gain * scale >= small && wp::sqrt(square) * scale >= small && 0.5f * decrement * scale >= small))
            break;
    }
    TOGETHER();
    if (lane == 0)
        problem.niter.data[world] = done;
    float *constraint = of_world(problem.qfrc_constraint), *kept = of_world(problem.Ma);
    for (int i = lane; i < DOFS; i += lanes) {
        constraint[i] = Ma[i] - smooth[i] - left * gradient[i];
        kept[i] = Ma[i];
    }
#undef SHARED
#undef TOGETHER
